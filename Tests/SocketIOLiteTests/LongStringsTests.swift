import ComposeTesting
import Foundation
import NIOCore
import SocketIOLite
import Testing

@Suite("Audio in base64 is read straight from the received bytes", .kind(.logic))
struct LongStringsTests {
  struct Fragment: Codable, Equatable, Sendable {
    var number: Int
    var audio: Data
    var text: String
  }

  /// Reads the text where it can, and the audio in any case: a bare string or an object.
  struct Lenient: Decodable {
    var text: String?
    var audio: Data?
    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      text = try? container.decode(String.self)
      if text == nil { audio = try container.decode(Data.self) }
    }
  }

  /// The other way round: data where that is possible, else text.
  struct Mixed: Decodable, Equatable {
    var audio: Data?
    var text: String?
    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      audio = try? container.decode(Data.self)
      if audio == nil { text = try container.decode(String.self) }
    }
  }

  static func bytes(_ count: Int) -> Data { Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ $0 >> 8) }) }

  /// As a server sends it, with slashes escaped or not.
  static func event(_ fragment: Fragment, escaping: Bool = false) throws -> SocketIOEvent {
    let encoder = JSONEncoder()
    if !escaping { encoder.outputFormatting = .withoutEscapingSlashes }
    return try event(String(decoding: encoder.encode(fragment), as: UTF8.self))
  }

  static func event(_ json: String) throws -> SocketIOEvent {
    try SocketIOEvent(.init(packet: SocketIOPacket.parse(ByteBuffer(string: #"2["a",\#(json),7]"#)), attachments: []))
  }

  @Test("Base64 of every length and padding is what Foundation makes of it", arguments: 0..<200)
  func lengths(count: Int) {
    let data = Self.bytes(count * 37 % 4_001)
    let decoded = data.base64EncodedData().withUnsafeBytes { Base64.decode($0) }
    #expect(decoded == data)
  }

  @Test(
    "What Foundation refuses is refused",
    arguments: [
      "A", "AB", "ABC", "AAAA*AAA", "AAAAA===", "AA==AAAA", "AAAA AAA", "AAA\u{e9}AAA", "AAAAAAA-", "-_-_AAAA",
    ])
  func refused(text: String) {
    #expect(Data(base64Encoded: text) == nil)
    #expect(Data(text.utf8).withUnsafeBytes { Base64.decode($0) } == nil)
  }

  @Test("Audio of a second and of a byte comes out the same, escaped or not, beside long text", arguments: [1, 48_000])
  func decoding(count: Int) throws {
    for text in ["short", String(repeating: "long \"text\" ", count: 500)] {
      let fragment = Fragment(number: 3, audio: Self.bytes(count), text: text)
      #expect(try Self.event(fragment).decode(Fragment.self) == fragment)
      #expect(try Self.event(fragment, escaping: true).decode(Fragment.self) == fragment)
    }
  }

  @Test("A long string that is wanted as text is the text, whatever else the type tries")
  func text() throws {
    let long = Self.bytes(6_000).base64EncodedString()
    let event = try Self.event("\"\(long)\"")
    #expect(try event.decode(String.self) == long)
    #expect(try event.decode(Data.self) == Self.bytes(6_000))
    #expect(try event.decode(Lenient.self).text == long)
    #expect(try event.decode(JSONValue.self) == .string(long))
    #expect(try event.decode(Int.self, at: 1) == 7)
  }

  @Test(
    "A long string that a type first takes for audio, and then reads as text, is the text",
    arguments: ["plain text ", "QUJD=", "=", "\u{e9}", "QUJD"])
  func textAfterAll(part: String) throws {
    let long = String(repeating: part, count: 3_000)
    let value = try Self.event("\"\(long)\"").decode(Mixed.self)
    #expect(value.audio == Data(base64Encoded: long))
    #expect(value.text == (value.audio == nil ? long : nil))
  }

  @Test("A long string that is no base64 is an error that says so, and so is one cut off")
  func broken() throws {
    for long in [String(repeating: "!", count: 4_000), String(repeating: "A", count: 4_001)] {
      let error = #expect(throws: SocketIOError.self) {
        try Self.event(#"{"number":1,"audio":"\#(long)","text":""}"#).decode(Fragment.self)
      }
      #expect(error?.code == .decodingFailed)
    }
  }

  @Test("Some strings as data and some as text in one value")
  func both() throws {
    let long = Self.bytes(3_000).base64EncodedString()
    let fragment = try Self.event(#"{"number":1,"audio":"\#(long)","text":"\#(long)"}"#).decode(Fragment.self)
    #expect(fragment.audio == Self.bytes(3_000) && fragment.text == long)
  }
}
