import Foundation
import SocketIOLite

/// One event between worker and STS, decoded, with when it passed and what in it breaks the contract.
public struct ObservedEvent: Sendable {
  public enum Direction: Sendable, Hashable { case toSTS, toWorker }

  public enum Content: Sendable, Hashable {
    case streamInit(StreamInit)
    case streamReady(StreamReady)
    case fragmentData(FragmentData)
    case fragmentAck(FragmentAck)
    case fragmentProcessed(FragmentProcessed)
    case streamControl(name: String, StreamControl)
    case streamComplete(StreamComplete)
    case backpressure(Backpressure)
    case serviceError(ServiceError)
    /// The event's name is not in the contract, or its payload could not be decoded.
    case undecodable(name: String)
  }

  /// Unix time.
  public var date: Date
  public var direction: Direction
  public var connection: Int
  public var content: Content
  /// What breaks the contract, one sentence each.
  public var violations: [String]

  public init(date: Date, direction: Direction, connection: Int = 0, content: Content, violations: [String] = []) {
    self.date = date
    self.direction = direction
    self.connection = connection
    self.content = content
    self.violations = violations
  }

  /// The stream that the event names; `fragment:ack` carries only its fragment.
  public var streamID: String? {
    switch content {
    case .streamInit(let event): event.streamID
    case .streamReady(let event): event.streamID
    case .fragmentData(let event): event.streamID
    case .fragmentProcessed(let event): event.streamID
    case .streamControl(_, let event): event.streamID
    case .streamComplete(let event): event.streamID
    case .backpressure(let event): event.streamID
    case .serviceError(let event): event.streamID
    case .fragmentAck, .undecodable: nil
    }
  }
}

extension ObservedEvent {
  /// Decodes what the tap recorded.
  public init(_ record: TapRecord) {
    self.init(
      record.event, record.direction == .toServer ? .toSTS : .toWorker, at: record.date, connection: record.connection)
  }

  /// Decodes an event and says what in it breaks the contract.
  public init(_ event: SocketIOEvent, _ direction: Direction, at date: Date = Date(), connection: Int = 0) {
    self.init(
      date: date, direction: direction, connection: connection, content: .undecodable(name: event.name))
    do {
      guard let content = try Self.decode(event, direction: direction) else {
        violations = ["\(event.name) \(direction.sentence) is not an event of the contract"]
        return
      }
      self.content = content
      violations = content.problems.map { "\(event.name): \($0)" }
    } catch let error as DecodingError {
      violations = ["\(event.name): \(error.sentence)"]
    } catch {
      violations = ["\(event.name): \(error)"]
    }
  }

  private static func decode(_ event: SocketIOEvent, direction: Direction) throws -> Content? {
    switch (event.name, direction) {
    case ("stream:init", .toSTS): .streamInit(try event.decode())
    case ("fragment:data", .toSTS): .fragmentData(try event.decode())
    case ("fragment:ack", _): .fragmentAck(try event.decode())
    case ("stream:pause", .toSTS), ("stream:resume", .toSTS), ("stream:end", .toSTS):
      .streamControl(name: event.name, try event.decode())
    case ("stream:ready", .toWorker): .streamReady(try event.decode())
    case ("fragment:processed", .toWorker): .fragmentProcessed(try event.decode())
    case ("stream:complete", .toWorker): .streamComplete(try event.decode())
    case ("backpressure", .toWorker): .backpressure(try event.decode())
    case ("error", .toWorker): .serviceError(try event.decode())
    default: nil
    }
  }
}

extension ObservedEvent.Direction {
  fileprivate var sentence: String { self == .toSTS ? "from worker to STS" : "from STS to worker" }
}

extension ObservedEvent.Content {
  /// What the types cannot say: agreement between fields.
  fileprivate var problems: [String] {
    switch self {
    case .fragmentData(let event): event.audio.problems
    case .fragmentProcessed(let event):
      (event.dubbedAudio?.problems ?? [])
        + (event.status == .success && event.dubbedAudio == nil ? ["status is success without dubbed_audio"] : [])
        + (event.status == .failed && event.error == nil ? ["status is failed without error"] : [])
    case .serviceError(let event): ServiceError.codes.contains(event.code) ? [] : ["unknown code \(event.code)"]
    default: []
    }
  }
}
