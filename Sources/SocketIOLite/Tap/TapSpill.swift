import NIOCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The older part of a tap's recording, in a file without a name: it is gone when it is closed, or when the process is killed.
final class TapSpill: Sendable {
  private let descriptor: CInt
  private static let readLength = 1_048_576

  init(folder: String?) throws(SocketIOError) {
    let folder = folder ?? FileManager.default.temporaryDirectory.path
    var path = Array("\(folder)/siotap-XXXXXX".utf8CString)
    descriptor = mkstemp(&path)
    guard descriptor >= 0 else {
      throw SocketIOError(.tapFailed, "no file can be made in \(folder): \(String(cString: strerror(errno)))")
    }
    unlink(path)
  }

  deinit { close(descriptor) }

  /// Writes bytes at an offset, all of them.
  func write(_ bytes: ByteBuffer, at offset: Int) throws(SocketIOError) {
    var done = 0
    while done < bytes.readableBytes {
      let written = bytes.withUnsafeReadableBytes { all in
        pwrite(descriptor, all.baseAddress.map { $0 + done }, all.count - done, off_t(offset + done))
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else {
        throw SocketIOError(.tapFailed, "the recording cannot be written: \(String(cString: strerror(errno)))")
      }
      done += written
    }
  }

  /// Reads the records that were written up to `end`, one after another.
  func forEach(upTo end: Int, base: ContinuousClock.Instant, _ body: (TapRecord) throws -> Void) rethrows {
    var buffer = ByteBuffer()
    var offset = 0
    while offset < end || buffer.readableBytes > 0 {
      while let record = buffer.readTapRecord(base: base) { try body(record) }
      guard offset < end else { return }
      buffer.discardReadBytes()
      let wanted = min(Self.readLength, end - offset)
      let count = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { space in
        max(0, pread(descriptor, space.baseAddress, wanted, off_t(offset)))
      }
      // Cannot be: what is read was written.
      guard count > 0 else { return }
      offset += count
    }
  }
}

extension ByteBuffer {
  /// A record as it stands in the file: its length, then its fields, texts and bytes behind their lengths.
  mutating func writeTapRecord(_ record: TapRecord, base: ContinuousClock.Instant) {
    let event = record.event
    let start = writerIndex
    writeInteger(UInt32(0))
    writeInteger(UInt8(record.direction == .toServer ? 0 : 1))
    writeText(record.kind.rawValue)
    writeInteger(Int64(record.connection))
    writeText(record.session ?? "")
    writeInteger((event.time - base).nanoseconds)
    writeInteger(event.date.timeIntervalSinceReferenceDate.bitPattern)
    writeInteger(UInt32(record.faults.count))
    for fault in record.faults { writeText(fault) }
    writeText(event.namespace)
    writeInteger(Int64(event.ackID ?? -1))
    // Behind the bracket comes a name, or the first argument.
    writeInteger(UInt8(event.argumentsOffset == 1 ? 0 : 1))
    writeBlock(event.array)
    writeInteger(UInt32(event.attachmentBuffers.count))
    for attachment in event.attachmentBuffers { writeBlock(attachment) }
    setInteger(UInt32(writerIndex - start - 4), at: start)
  }

  /// The next record, if all of it is there.
  mutating func readTapRecord(base: ContinuousClock.Instant) -> TapRecord? {
    guard let length = getInteger(at: readerIndex, as: UInt32.self), readableBytes >= Int(length) + 4 else {
      return nil
    }
    moveReaderIndex(forwardBy: 4)
    guard var fields = readSlice(length: Int(length)), let direction = fields.readInteger(as: UInt8.self),
      let kind = TapRecord.Kind(rawValue: fields.readText()), let connection = fields.readInteger(as: Int64.self)
    else { return nil }
    let session = fields.readText()
    guard let time = fields.readInteger(as: Int64.self), let date = fields.readInteger(as: UInt64.self),
      let faultCount = fields.readInteger(as: UInt32.self)
    else { return nil }
    let faults = (0..<faultCount).map { _ in fields.readText() }
    let namespace = fields.readText()
    guard let id = fields.readInteger(as: Int64.self), let isEvent = fields.readInteger(as: UInt8.self),
      let array = fields.readBlock(), let attachmentCount = fields.readInteger(as: UInt32.self)
    else { return nil }
    let attachments = (0..<attachmentCount).compactMap { _ in fields.readBlock() }
    let packet = SocketIOPacket(
      kind: isEvent == 1 ? .event : .ack, namespace: namespace, id: id < 0 ? nil : Int(id),
      attachmentCount: attachments.count, data: array)
    let arrival = SocketIOEvent.Arrival(
      time: base + .nanoseconds(time), date: Date(timeIntervalSinceReferenceDate: Double(bitPattern: date)))
    guard let event = try? SocketIOEvent(.init(packet: packet, attachments: attachments), arrival: arrival) else {
      return nil
    }
    return TapRecord(
      direction: direction == 0 ? .toServer : .toClient, kind: kind, connection: Int(connection),
      session: session.isEmpty ? nil : session, event: event, faults: faults)
  }

  private mutating func writeText(_ text: String) {
    writeInteger(UInt32(text.utf8.count))
    writeString(text)
  }

  private mutating func readText() -> String {
    readInteger(as: UInt32.self).flatMap { readString(length: Int($0)) } ?? ""
  }

  private mutating func writeBlock(_ bytes: ByteBuffer) {
    writeInteger(UInt32(bytes.readableBytes))
    writeImmutableBuffer(bytes)
  }

  private mutating func readBlock() -> ByteBuffer? {
    readInteger(as: UInt32.self).flatMap { readSlice(length: Int($0)) }?.ownMemory()
  }
}

extension Duration {
  fileprivate var nanoseconds: Int64 {
    components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
  }
}
