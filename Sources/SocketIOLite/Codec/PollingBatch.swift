import NIOCore

/// Which packets go into the next body of the polling transport.
enum PollingBatch {
  /// python-engineio reads no more than this of one body, and closes the session of who sends more.
  static let maxPackets = 16

  /// The length of a packet in a body: attachments travel as base64 behind a `b`.
  static func length(_ part: EngineIOPayload.Part) -> Int {
    switch part {
    case .text(let text): text.readableBytes
    case .binary(let bytes): base64Length(bytes.readableBytes) + 1
    }
  }

  static func base64Length(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  /// How many of the first packets fit in one body of `maxPayload` bytes with separators between; at least one.
  static func count(_ lengths: some Sequence<Int>, maxPayload: Int?) -> Int {
    var total = 0
    var count = 0
    for length in lengths {
      total += length + (count > 0 ? 1 : 0)
      if count > 0, total > maxPayload ?? .max || count == maxPackets { break }
      count += 1
    }
    return count
  }
}
