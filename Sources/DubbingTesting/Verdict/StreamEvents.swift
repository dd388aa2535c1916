import Foundation

/// What passed between worker and STS about one stream, ordered by fragment.
package struct StreamEvents: Sendable {
  /// One fragment's way there and back.
  package struct Fragment: Sendable {
    /// As it was sent first.
    package var data: FragmentData
    /// When it was sent first; a worker that reconnects sends again what was not processed.
    package var sentAt: Date
    /// How often it was sent.
    package var timesSent = 1
    /// When STS acknowledged it first; nil: never.
    package var acknowledgedAt: Date?
    /// Every answer, in the order of arrival.
    package var answers: [(processed: FragmentProcessed, at: Date)] = []

    /// Its sequence number.
    package var sequence: Int { data.sequenceNumber }
    /// The answer that counts; nil: there is none.
    package var firstAnswer: FragmentProcessed? { answers.first?.processed }

    /// From the first sending to the first answer.
    package var roundTrip: Duration? {
      answers.first.map { .seconds($0.at.timeIntervalSince(sentAt)) }
    }
  }

  /// By sequence number.
  package var fragments: [Fragment] = []
  /// Sequence numbers in the order in which their answers arrived.
  package var answerOrder: [Int] = []
  /// Answers to fragments that were never sent.
  package var unknownAnswers: [String] = []
  /// Sequence numbers that two different fragments claim.
  package var clashes: [Int] = []
  /// Errors that STS reported beside its answers.
  package var serviceErrors: [ServiceError] = []
  /// What broke the contract, one sentence each.
  package var violations: [String] = []
  /// What the worker asked for each time it opened the stream.
  package var openings: [StreamInit] = []
  /// How the two talk to each other.
  package var contract = Contract.standard
  /// What recognises speech, where STS tells it.
  package var recogniser: String?

  /// A stream of which nothing was seen.
  package init() {}

  /// Whether nothing of the stream was seen.
  var isEmpty: Bool {
    openings.isEmpty && fragments.isEmpty && unknownAnswers.isEmpty && serviceErrors.isEmpty && violations.isEmpty
  }

  /// What STS answered first, fragment by fragment.
  var firstAnswers: [(sequence: Int, answer: FragmentProcessed)] {
    fragments.compactMap { fragment in fragment.firstAnswer.map { (fragment.sequence, $0) } }
  }
}

extension StreamEvents {
  /// Picks the events of one stream and follows each fragment.
  package init(_ events: [ObservedEvent], stream: String, contract: Contract = .standard) {
    self.contract = contract
    var bySequence: [Int: Fragment] = [:]
    var sequenceOf: [String: Int] = [:]
    let connections = Set(events.filter { $0.streamID == stream }.map(\.connection))
    let streams = Set(events.filter(\.isOfWorker).compactMap(\.streamID))
    for event in events {
      switch event.content {
      case .fragmentAck(let ack):
        guard let sequence = sequenceOf[ack.fragmentID] else { continue }
        if event.direction == .toWorker, bySequence[sequence]?.acknowledgedAt == nil {
          bySequence[sequence]?.acknowledgedAt = event.date
        }
      case .undecodable:
        guard connections.contains(event.connection) else { continue }
      case .fragmentProcessed(let answer) where event.streamID != stream:
        // Of a stream that nobody sends it can only be the answer to the fragment that it names.
        guard let sequence = sequenceOf[answer.fragmentID], let other = event.streamID, !streams.contains(other) else {
          continue
        }
        take(answer, to: sequence, at: event.date, in: &bySequence)
        violations.append(
          "fragment:processed: fragment \(sequence) of \(stream) was answered for stream \(other), which nobody sends")
      case _ where event.streamID != stream: continue
      case .fragmentData(let data): add(data, at: event.date, to: &bySequence, &sequenceOf)
      case .fragmentProcessed(let processed):
        guard let sequence = sequenceOf[processed.fragmentID] else {
          unknownAnswers.append(processed.fragmentID)
          continue
        }
        take(processed, to: sequence, at: event.date, in: &bySequence)
      case .serviceError(let error): serviceErrors.append(error)
      case .streamInit(let opening): openings.append(opening)
      case .streamReady(let ready): recogniser = ready.recogniser ?? recogniser
      default: break
      }
      violations += event.violations
    }
    fragments = bySequence.values.sorted { $0.sequence < $1.sequence }
  }

  private mutating func take(
    _ answer: FragmentProcessed, to sequence: Int, at date: Date, in fragments: inout [Int: Fragment]
  ) {
    answerOrder.append(sequence)
    fragments[sequence]?.answers.append((answer, date))
  }

  private mutating func add(
    _ data: FragmentData, at date: Date, to fragments: inout [Int: Fragment], _ sequenceOf: inout [String: Int]
  ) {
    if let known = fragments[data.sequenceNumber] {
      if known.data.fragmentID == data.fragmentID {
        fragments[data.sequenceNumber]?.timesSent += 1
      } else {
        clashes.append(data.sequenceNumber)
      }
      return
    }
    sequenceOf[data.fragmentID] = data.sequenceNumber
    fragments[data.sequenceNumber] = Fragment(data: data, sentAt: date)
  }
}

extension ObservedEvent {
  /// Whether a worker says by it that it sends a stream.
  fileprivate var isOfWorker: Bool {
    switch content {
    case .streamInit, .fragmentData: true
    default: false
    }
  }
}
