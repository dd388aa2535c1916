import Foundation
public import SocketIOLite

/// One event between worker and STS, decoded, with when it passed and what in it breaks the contract.
public struct ObservedEvent: Sendable {
  /// Which way an event goes.
  public enum Direction: Sendable, Hashable { case toSTS, toWorker }

  /// What an event says.
  public enum Content: Sendable, Hashable {
    case streamInit(StreamInit)
    case streamReady(StreamReady)
    case fragmentData(FragmentData)
    case fragmentAck(FragmentAck)
    case fragmentProcessed(FragmentProcessed)
    case streamControl(Contract.Event, StreamControl)
    case streamComplete(StreamComplete)
    case backpressure(Backpressure)
    case serviceError(ServiceError)
    /// An event that the contract says to pass over.
    case ignored(name: String)
    /// The event's name is not in the contract, or its payload could not be decoded.
    case undecodable(name: String)
  }

  /// Unix time.
  public var date: Date
  /// Which way it went.
  public var direction: Direction
  /// The tap's number of the TCP connection.
  public var connection: Int
  /// What it says.
  public var content: Content
  /// What breaks the contract, one sentence each.
  public var violations: [String]

  /// An event made by hand, for a verdict that is to be tested without a stream.
  package init(date: Date, direction: Direction, connection: Int = 0, content: Content, violations: [String] = []) {
    self.date = date
    self.direction = direction
    self.connection = connection
    self.content = content
    self.violations = violations
  }

  /// The stream that the event names; an acknowledgement carries only its fragment.
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
    case .fragmentAck, .ignored, .undecodable: nil
    }
  }
}

extension ObservedEvent {
  /// Reads what the tap recorded, by itself: what events before it said is not known. See `Contract.observed(_:)`.
  public init(_ record: TapRecord, contract: Contract = .standard) {
    var reading = ContractReading(contract)
    self = reading.event(record)
  }

  /// Reads an event by itself, and says what in it breaks the contract.
  package init(
    _ event: SocketIOEvent, _ direction: Direction, at date: Date = Date(), connection: Int = 0,
    contract: Contract = .standard
  ) {
    var reading = ContractReading(contract)
    self = reading.event(event, direction, at: date, connection: connection, session: "#\(connection)")
  }
}

extension Contract {
  /// Reads what a tap recorded, in order: an event is held against those before it, and gets from them what it leaves out.
  ///
  /// Left out can be: stream and fragment id, an answer's sequence number, and how audio is coded, which then is what the stream's opening
  /// declared. Sequence numbers that restart after a reconnect go on.
  package func observed(_ records: [TapRecord]) -> [ObservedEvent] {
    var reading = ContractReading(self)
    return records.filter { $0.kind == .event }.map { reading.event($0) }
  }
}

extension ObservedEvent.Direction {
  init(_ direction: TapDirection) { self = direction == .toServer ? .toSTS : .toWorker }

  /// The same in the tap's words, for its rules and queues.
  package var atTap: TapDirection { self == .toSTS ? .toServer : .toClient }

  var sentence: String { self == .toSTS ? "from worker to STS" : "from STS to worker" }
}
