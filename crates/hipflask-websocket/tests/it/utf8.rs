//! Texts are UTF-8: the cases of Autobahn's test suite, group 6, after Markus Kuhn's.

use crate::raw::*;

const VALID: &[&[u8]] = &[
    // 6.2, 6.5, 6.6: kosme, and its beginnings
    b"Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
    b"\xce\xba",
    b"\xce\xba\xe1\xbd\xb9",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83",
    // 6.7: the first of each length
    b"\x00",
    b"\xc2\x80",
    b"\xe0\xa0\x80",
    b"\xf0\x90\x80\x80",
    // 6.9: the last of each length
    b"\x7f",
    b"\xdf\xbf",
    b"\xef\xbf\xbf",
    b"\xf4\x8f\xbf\xbf",
    // 6.11: other boundaries
    b"\xed\x9f\xbf",
    b"\xee\x80\x80",
    b"\xef\xbf\xbd",
    // 6.22, 6.23: noncharacters are characters
    b"\xef\xbf\xbe",
    b"\xf0\x9f\xbf\xbe",
    b"\xf0\x9f\xbf\xbf",
    b"\xf3\xbf\xbf\xbe",
    b"\xef\xbf\xbb",
    b"\xef\xbb\xbf",
];

const INVALID: &[&[u8]] = &[
    // 6.3, 6.4: with something valid around it
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xf4\x90\x80\x80\x65\x64\x69\x74\x65\x64",
    // 6.6: kosme cut off
    b"\xce",
    b"\xce\xba\xe1",
    b"\xce\xba\xe1\xbd",
    b"\xce\xba\xe1\xbd\xb9\xcf",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce",
    // 6.8, 6.10: five and six bytes
    b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xf7\xbf\xbf\xbf",
    b"\xfb\xbf\xbf\xbf\xbf",
    b"\xfd\xbf\xbf\xbf\xbf\xbf",
    // 6.11.5
    b"\xf4\x90\x80\x80",
    // 6.12: continuations without a beginning
    b"\x80",
    b"\xbf",
    b"\x80\xbf",
    b"\x80\xbf\x80\xbf\x80\xbf\x80\xbf",
    b"\x80\x81\x82\x83\x84\x85\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f",
    // 6.13: beginnings without a continuation
    b"\xc0 \xc1 \xc2 \xc3 ",
    b"\xe0 \xe1 \xe2 \xe3 ",
    b"\xf0 \xf1 \xf2 \xf3 ",
    b"\xf8 \xf9 \xfa \xfb ",
    b"\xfc \xfd ",
    // 6.14, 6.15: without the last byte
    b"\xc0",
    b"\xe0\x80",
    b"\xf0\x80\x80",
    b"\xdf",
    b"\xef\xbf",
    b"\xf7\xbf\xbf",
    b"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xfc\x80\x80\x80\x80\xdf\xef\xbf",
    // 6.16: impossible bytes
    b"\xfe",
    b"\xff",
    b"\xfe\xfe\xff\xff",
    // 6.17, 6.18, 6.19: longer than needed
    b"\xc0\xaf",
    b"\xe0\x80\xaf",
    b"\xf0\x80\x80\xaf",
    b"\xf8\x80\x80\x80\xaf",
    b"\xfc\x80\x80\x80\x80\xaf",
    b"\xc1\xbf",
    b"\xe0\x9f\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf8\x87\xbf\xbf\xbf",
    b"\xfc\x83\xbf\xbf\xbf\xbf",
    b"\xc0\x80",
    b"\xe0\x80\x80",
    b"\xf0\x80\x80\x80",
    // 6.20, 6.21: surrogates, alone and in pairs
    b"\xed\xa0\x80",
    b"\xed\xad\xbf",
    b"\xed\xae\x80",
    b"\xed\xaf\xbf",
    b"\xed\xb0\x80",
    b"\xed\xbe\x80",
    b"\xed\xbf\xbf",
    b"\xed\xa0\x80\xed\xb0\x80",
    b"\xed\xaf\xbf\xed\xbf\xbf",
];

/// A message in frames of one byte each.
fn bytewise(text: &[u8]) -> Vec<Frame> {
    let mut frames: Vec<Frame> = text.iter().map(|byte| part(CONTINUATION, [*byte])).collect();
    frames[0].0 = TEXT;
    frames.push(frame(CONTINUATION, ""));
    frames
}

#[hipflask::test]
async fn what_is_utf8_comes_back() {
    for text in VALID {
        case("whole", &[frame(TEXT, text), close(1000)], &[frame(TEXT, text), close(1000)]).await;
        let mut sent = bytewise(text);
        sent.push(close(1000));
        case("in pieces", &sent, &[frame(TEXT, text), close(1000)]).await;
    }
}

#[hipflask::test]
async fn what_is_not_utf8_fails_the_connection() {
    for text in INVALID {
        let what = format!("{text:x?}");
        case(&what, &[frame(TEXT, text), frame(PING, "")], &[close(1007)]).await;
        case(&what, &bytewise(text), &[close(1007)]).await;
        // Bytes may be anything.
        case(&what, &[frame(BINARY, text), close(1000)], &[frame(BINARY, text), close(1000)]).await;
    }
}

#[hipflask::test]
async fn it_is_noticed_before_the_message_has_ended() {
    // 6.4.1 to 6.4.4
    let kosme = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
    let mut peer = Peer::of_echo().await;
    peer.send(&part(TEXT, kosme)).await;
    peer.send(&part(CONTINUATION, b"\xf4\x90\x80\x80")).await;
    peer.is_closed_with(1007).await;
    // Within a frame of which the rest never comes.
    let mut peer = Peer::of_echo().await;
    let bytes = frame(TEXT, [&kosme[..], b"\xf4\x90\x80\x80", b"edited"].concat()).masked();
    peer.send_bytes(&bytes[..bytes.len() - 8]).await;
    peer.is_closed_with(1007).await;
}
