//! Password hashes: our own, Werkzeug's, and what is none.

use std::time::{Duration, Instant};

use hipflask_auth::prelude::*;
use hipflask_auth::{PasswordCheck, PasswordError};

const LONG: &str = "xxxxxxxxxxxxxxxx";

/// Written by Werkzeug 3.1.9's `generate_password_hash`, each with the password that it is of.
const WERKZEUG: [(&str, &str); 14] = [
    (
        "scrypt:32768:8:1$Wyhzl6VD$2a69dfc232d7d252caee4441a243889ec7f2dbefcad84f6f6efa0aece1c1779570c6e2ccb37681d0bc7ab6f1d323f4f9eeb71d83f29d75330914f537dc60ea57",
        "correct horse",
    ),
    (
        "pbkdf2:sha256:1000000$FIvc1Xxu$5c78baa62e00928a16afd5fda56624004d2df3fe09439fde6573551411424e03",
        "correct horse",
    ),
    (
        "scrypt:16384:8:2$KUo1D3rL$dcbd163fd76b54c1b9ee0dbb10438c4e7a4aa49fd0f841b57211dd1b1dd34022e1e82c73219e83274a1750d3711cea578878a0da210402f378e0cc60284ba267",
        "correct horse",
    ),
    ("pbkdf2:sha1:1000$UpkyFHbI$7831a8ad1b4fd952ca93c5d1f888473761c57d91", "correct horse"),
    (
        "pbkdf2:sha512:1000$vdiTUk2L$8b14bee67261ffad868e50e863a298bde31d1207942ddd026fed8048b328f1e8fa64b079e8c297283b7ddf99fa09e45d23e85252492a13c7b4a66b700642110b",
        "correct horse",
    ),
    ("pbkdf2:sha256:1000$BIUz2Xkk$4070cd966ea1d12858978afb30bf587ce2510247c73bbc21817a90f3891f59c9", "correct horse"),
    (
        "scrypt:1024:4:1$QXrEp2Zr$c9ed25b21496c5da5ede2bb77b13e913b3fd2b2184517442c3b183a0a263c8be4da08c65b128eae089b32d4247417d5ea883693d253c70723264d5858eaccc01",
        "correct horse",
    ),
    (
        "scrypt:32768:8:1$J8nFc5Vh$f048acef0d864dd4f3a2f1749050760129981188ccbd0ab68d525806937b113541b4a7ef304e2025220a386e9085b9e3d55c470779be03b4365b8ce28aa84a27",
        "pässwörd 🙂",
    ),
    ("pbkdf2:sha1:1000$TyKzWEg7$1271aab5ca7abc5505c077c1f1faae6de2a295c3", "pässwörd 🙂"),
    (
        "pbkdf2:sha512:1000$liNYYjfx$cc1630778b3afb7dd2f836a7753d797a7cc7e22e027dc7dc41e5ebad2b5127b1a3d11f3037a32b8b7f4aca541b11dbdbdcd14644543db9ea945e778409da26de",
        "pässwörd 🙂",
    ),
    ("pbkdf2:sha256:1000$ckp1doUA$f141a0d73731269f5d84c88f2a99eca78055602661381eec18875470a21bae3e", ""),
    (
        "scrypt:1024:4:1$TbvQPwXA$1044caa98b1c9dab71a2d16d141bd940af36f0246c56e30f5418e367911fe7a1e0da90007e121e06bac2c7365e7889f619792f4bdc5bd23b05cbf9129f3d65a7",
        "a\0b",
    ),
    ("pbkdf2:sha256:1000$aC3j55af$4dbae35634c0afd62d0d64da0c29701fdd61466152a35bff7640a10536a870c7", LONG),
    (
        "scrypt:1024:4:1$fqCPRmhK$765826f8423d28a56d8318fc504653c33d2491d4f15a04248fc6b8641ba15a090325a45d7807eca850148e2a98c671c95dac39c05e0692ba616c10c6ee8448b0",
        LONG,
    ),
];

async fn check(hash: &str, password: &str) -> PasswordCheck {
    check_password_hash(Some(hash), password).await
}

#[hipflask::test]
async fn werkzeugs_hashes_are_right_for_their_password_only() {
    for (hash, password) in WERKZEUG {
        // The long one has 1024 characters.
        let password = if password == LONG { LONG.repeat(64) } else { password.to_owned() };
        assert_eq!(check(hash, &password).await, PasswordCheck::ValidButOld, "{hash}");
        if hash.starts_with("pbkdf2:sha256:1000000$") {
            continue; // Once is long enough; the same with fewer rounds is below.
        }
        let mut less = password.clone();
        let wrong = if less.pop().is_some() { less } else { "x".to_owned() };
        for wrong in [wrong, format!("{password} ")] {
            assert_eq!(check(hash, &wrong).await, PasswordCheck::Invalid, "{hash} {wrong}");
        }
    }
}

#[hipflask::test]
async fn a_new_hash_is_argon2id_with_a_salt_of_its_own() {
    for password in ["correct horse", "", "a\0b", "pässwörd 🙂"] {
        let hash = generate_password_hash(password).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=47104,t=1,p=1$") && hash.len() < 120, "{hash}");
        assert_eq!(check(&hash, password).await, PasswordCheck::Valid);
        assert_eq!(check(&hash, &format!("{password}x")).await, PasswordCheck::Invalid);
        assert_ne!(generate_password_hash(password).await.unwrap(), hash);
    }
    // The same letter, written in two ways, is two passwords: nothing is normalised.
    let hash = generate_password_hash("\u{e9}").await.unwrap();
    assert_eq!(check(&hash, "e\u{301}").await, PasswordCheck::Invalid);
}

#[hipflask::test]
async fn a_weaker_hash_is_to_be_written_anew_and_a_stronger_one_is_not() {
    use argon2::password_hash::PasswordHasher;
    use argon2::{Algorithm, Argon2, Params, Version};

    for (algorithm, (memory, passes, lanes), expected) in [
        (Algorithm::Argon2id, (47_104, 1, 1), PasswordCheck::Valid),
        (Algorithm::Argon2id, (65_536, 3, 4), PasswordCheck::Valid),
        (Algorithm::Argon2id, (19_456, 2, 1), PasswordCheck::ValidButOld),
        (Algorithm::Argon2i, (65_536, 3, 4), PasswordCheck::ValidButOld),
        (Algorithm::Argon2d, (65_536, 3, 4), PasswordCheck::ValidButOld),
    ] {
        let params = Params::new(memory, passes, lanes, None).unwrap();
        let hash = Argon2::new(algorithm, Version::V0x13, params).hash_password(b"correct horse").unwrap().to_string();
        assert_eq!(check(&hash, "correct horse").await, expected, "{hash}");
        assert_eq!(check(&hash, "wrong").await, PasswordCheck::Invalid, "{hash}");
    }
}

/// A hash is data: whatever a database holds must neither match nor panic nor cost the machine.
#[hipflask::test]
async fn what_is_not_a_hash_matches_nothing() {
    let (scrypt, pbkdf2) = (WERKZEUG[6].0, WERKZEUG[5].0);
    let argon2 = generate_password_hash("correct horse").await.unwrap();
    let mut hashes: Vec<String> = [
        "",
        "$",
        "$$",
        "$$$",
        "$$$$$$$$",
        "correct horse",
        "plain$$correct horse",
        "md5$salt$00",
        "sha256$salt$00",
        "scrypt",
        "scrypt:",
        "scrypt::$s$00",
        "scrypt:1024:4$s$00",
        "scrypt:1024:4:1",
        "scrypt:1024:4:1$s",
        "scrypt:1024:4:1$s$",
        "scrypt:0:8:1$s$00",
        "scrypt:1:8:1$s$00",
        "scrypt:3:8:1$s$00",
        "scrypt:1024:0:1$s$00",
        "scrypt:1024:8:0$s$00",
        "scrypt:-2:8:1$s$00",
        "scrypt:2147483648:8:1$s$00",
        "scrypt:1024:4294967295:1$s$00",
        "scrypt:1024:8:4294967295$s$00",
        "scrypt:2:4294967295:4294967295$s$00",
        "scrypt:99999999999:8:1$s$00",
        "scrypt:1024:8:1$s$zz",
        "scrypt:1024:8:1$s$0",
        "scrypt:1024:8:1$s$é",
        "pbkdf2",
        "pbkdf2:sha256",
        "pbkdf2:sha256:0$s$00",
        "pbkdf2:sha256:-1$s$00",
        "pbkdf2:sha256:4294967295$s$00",
        "pbkdf2:md5:1$s$00",
        "pbkdf2::1$s$00",
        "pbkdf2:sha256:1$s$",
        "pbkdf2:sha256:1$s$+a+b",
        "$argon2id$",
        "$argon2id$v=19$",
        "$argon2id$v=19$m=1,t=1,p=1$c2FsdHNhbHQ$AAAA",
        "$argon2id$v=19$m=4294967295,t=1,p=1$c2FsdHNhbHQ$AAAA",
        "$argon2id$v=19$m=47104,t=4294967295,p=1$c2FsdHNhbHQ$AAAA",
        "$argon2id$v=19$m=47104,t=1,p=16777215$c2FsdHNhbHQ$AAAA",
        "$argon2id$v=99$m=47104,t=1,p=1$c2FsdHNhbHQ$AAAA",
        "$argon2x$v=19$m=47104,t=1,p=1$c2FsdHNhbHQ$AAAA",
        "$2b$12$KIXo1vGkq5ZcQ5ZcQ5ZcQu",
        "$6$salt$hash",
        "\0",
        "é$é$é",
        "🙂",
    ]
    .map(str::to_owned)
    .to_vec();
    // A column that was too short for the hash: what is left of it must not be easier to hit.
    for whole in [scrypt, pbkdf2, argon2.as_str()] {
        let start = whole.rfind('$').unwrap();
        hashes.extend([2, 16, 40].map(|kept| whole[..start + 1 + kept].to_owned()));
        hashes.push(whole[..whole.len() - 2].to_owned());
        hashes.push(format!("{whole}00"));
        hashes.push(format!(" {whole}"));
        hashes.push(whole.replacen('$', "$$", 1));
    }
    for hash in &hashes {
        let started = Instant::now();
        for password in ["correct horse", ""] {
            assert_eq!(check(hash, password).await, PasswordCheck::Invalid, "{hash:?}");
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{hash:?} took {:?}", started.elapsed());
    }
}

#[hipflask::test]
async fn a_password_of_more_than_1024_bytes_is_refused_and_never_cut() {
    let most = "é".repeat(512);
    let hash = generate_password_hash(&most).await.unwrap();
    assert_eq!(check(&hash, &most).await, PasswordCheck::Valid);
    let more = format!("{most}x");
    assert_eq!(generate_password_hash(&more).await, Err(PasswordError::TooLong));
    assert_eq!(check(&hash, &more).await, PasswordCheck::Invalid);
    assert_eq!(PasswordError::TooLong.to_string(), "the password has more than 1024 bytes");
}

/// Otherwise the time that a login takes would reveal which accounts exist.
#[hipflask::test]
async fn no_user_costs_as_much_as_a_wrong_password() {
    let hash = generate_password_hash("correct horse").await.unwrap();
    check_password_hash(None, "first, to make the decoy hash").await;
    // The fastest of several is what the work itself takes, whatever else the machine does.
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..7 {
        for (hash, fastest) in [Some(hash.as_str()), None].into_iter().zip(&mut fastest) {
            let started = Instant::now();
            assert_eq!(check_password_hash(hash, "wrong").await, PasswordCheck::Invalid);
            *fastest = started.elapsed().min(*fastest);
        }
    }
    let [wrong, nobody] = fastest;
    assert!(nobody * 2 > wrong && nobody < wrong * 2, "a wrong password took {wrong:?}, nobody {nobody:?}");
    for password in ["", "nobody", "wrong"] {
        assert_eq!(check_password_hash(None, password).await, PasswordCheck::Invalid);
    }
}

/// The async workers go on while passwords are hashed.
#[hipflask::test]
async fn a_crowd_at_the_login_is_served_in_turn() {
    let hash = generate_password_hash("correct horse").await.unwrap();
    let mut checks = Vec::new();
    for number in 0..12 {
        let hash = hash.clone();
        let password = if number % 3 == 0 { "correct horse" } else { "wrong" };
        checks.push(async move { check(&hash, password).await });
    }
    let mut all = std::pin::pin!(async {
        let mut valid = 0;
        let spawned: Vec<_> = checks.into_iter().map(tokio::spawn).collect();
        for check in spawned {
            valid += u32::from(check.await.unwrap().is_valid());
        }
        valid
    });
    let mut turns = 0;
    let valid = std::future::poll_fn(|cx| {
        turns += 1;
        cx.waker().wake_by_ref();
        all.as_mut().poll(cx)
    })
    .await;
    assert_eq!(valid, 4);
    assert!(turns > 12, "this thread was not held up");
}
