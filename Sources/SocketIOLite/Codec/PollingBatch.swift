import NIOCore

/// Which packets go into the next body of the polling transport.
package enum PollingBatch {
  /// python-engineio reads no more than this of one body, and closes the session of who sends more.
  static let maxPackets = 16
  /// python-engineio under aiohttp (4.15 as 4.3) takes for the whole body what has arrived when it looks, answers OK, and the rest
  /// is lost. So a body should arrive in one piece: loopback carries 64 KiB at once, and with bodies of 240 KB 47 of 48 events came.
  ///
  /// A single packet that is longer goes all the same, in a body of its own: other servers take it.
  static let maxBytes = 48 << 10

  /// The length of a packet in a body: attachments travel as base64 behind a `b`.
  static func length(_ part: EngineIOPayload.Part) -> Int {
    switch part {
    case .text(let text): text.readableBytes
    case .binary(let bytes): base64Length(bytes.readableBytes) + 1
    }
  }

  static func base64Length(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  /// How many of the first packets fit in one body of `maxPayload` bytes with separators between; at least one.
  package static func count(_ lengths: some Sequence<Int>, maxPayload: Int?) -> Int {
    let most = min(maxPayload ?? .max, maxBytes)
    var total = 0
    var count = 0
    for length in lengths {
      total += length + (count > 0 ? 1 : 0)
      if count > 0, total > most || count == maxPackets { break }
      count += 1
    }
    return count
  }
}
