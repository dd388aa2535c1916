import NIOCore
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// JSON in and out, with `Data` as binary attachments: `{"_placeholder": true, "num": n}` stands for the n-th.
package enum SocketIOJSON {
  private struct Placeholder: Codable {
    var _placeholder: Bool
    var num: Int
  }

  /// A decoder for which an attachment's placeholder, or a base64 string, is a `Data`; `known` may give that of a string.
  static func decoder(
    attachments: [ByteBuffer], known: (@Sendable (String) -> Data?)? = nil
  ) -> JSONDecoder {
    let decoder = JSONDecoder()
    guard !attachments.isEmpty || known != nil else { return decoder }
    decoder.dataDecodingStrategy = .custom { decoder in
      let isString = attachments.isEmpty
      guard !isString, let placeholder = try? Placeholder(from: decoder), placeholder._placeholder else {
        let text = try decoder.singleValueContainer().decode(String.self)
        if let data = known?(text) ?? Data(base64Encoded: text) { return data }
        throw corrupted(decoder, "neither an attachment's placeholder nor base64")
      }
      guard attachments.indices.contains(placeholder.num) else {
        throw corrupted(decoder, "placeholder of attachment \(placeholder.num); \(attachments.count) came")
      }
      return Data(attachments[placeholder.num].readableBytesView)
    }
    return decoder
  }

  /// Decodes as `JSON.parse` would read it: see `JSONRepair`. Throws what decoding throws.
  static func decode<T: Decodable>(_ type: T.Type, from json: Data, with decoder: JSONDecoder = JSONDecoder()) throws
    -> T
  {
    let json = JSONRepair.withoutRepeatedKeys(json) ?? json
    do {
      return try decoder.decode(type, from: json)
    } catch {
      // Looked for only now: hardly any text is broken, and most errors are of the type that was asked for.
      guard let mended = JSONRepair.withoutBrokenText(json) else { throw error }
      return try decoder.decode(type, from: mended)
    }
  }

  static func decode<T: Decodable>(_ type: T.Type, from json: ByteBuffer) throws -> T {
    try decode(type, from: Data(json.readableBytesView))
  }

  private static func corrupted(_ decoder: any Decoder, _ message: String) -> DecodingError {
    .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: message))
  }

  package struct Encoded: Sendable {
    package var array: ByteBuffer
    package var attachments: [ByteBuffer]
  }

  /// The arguments as one JSON array behind `name`, if there is one, and the attachments that were found in them.
  package static func encode(name: String?, _ arguments: [any Encodable & Sendable]) throws(SocketIOError) -> Encoded {
    // The encoder's strategy must be a Sendable closure, so what it collects needs a lock; it is never contended.
    let found = Mutex<[ByteBuffer]>([])
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    encoder.dataEncodingStrategy = .custom { data, encoder in
      let number = found.withLock {
        $0.append(ByteBuffer(bytes: data))
        return $0.count - 1
      }
      try Placeholder(_placeholder: true, num: number).encode(to: encoder)
    }
    var array = ByteBuffer()
    array.writeInteger(UInt8(ascii: "["))
    do {
      if let name { array.writeBytes(try encoder.encode(name)) }
      for (index, argument) in arguments.enumerated() {
        if index > 0 || name != nil { array.writeInteger(UInt8(ascii: ",")) }
        array.writeBytes(try encoder.encode(argument))
      }
    } catch {
      let what = name.map { "event “\($0)”" } ?? "the acknowledgement"
      throw SocketIOError(
        .encodingFailed, "an argument of \(what) cannot be written as JSON", evidence: ["\(error)"],
        underlying: error)
    }
    array.writeInteger(UInt8(ascii: "]"))
    return Encoded(array: array, attachments: found.withLock { $0 })
  }

  /// The JSON text of one value, for `auth`; `Data` is base64 there.
  static func object(_ value: any Encodable & Sendable) throws(SocketIOError) -> ByteBuffer {
    do {
      return ByteBuffer(bytes: try JSONEncoder().encode(value))
    } catch {
      throw SocketIOError(.encodingFailed, "auth cannot be written as JSON", evidence: ["\(error)"], underlying: error)
    }
  }
}
