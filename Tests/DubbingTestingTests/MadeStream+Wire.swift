import AudioPrint
import DubbingTesting
import Foundation
import SocketIOLite
import Testing

extension MadeStream {
  /// What a worker hears under a fault: each event goes through the rule that a tap would have, as text, and is read again.
  static func heard(_ events: [ObservedEvent], under fault: StreamFault) throws -> [ObservedEvent] {
    let contract = Contract.standard
    let rule = try #require(fault.rule(for: "s", contract))
    var count = 0
    return try events.map { event in
      guard let sent = try event.sent(contract), sent.name == rule.event, event.direction.atTap == rule.direction,
        rule.predicate?(sent) ?? true
      else { return event }
      count += 1
      let isMeant =
        switch rule.occurrence {
        case .every: true
        case .nth(let number): number == count
        case .first(let most): count <= most
        }
      guard isMeant, case .replace(let change) = rule.action else { return event }
      let changed = change(FaultPayload(payload: sent.payload, attachments: sent.attachments))
      let arguments = try #require(EventPayload(changed)).arguments
      return ObservedEvent(
        try SocketIOEvent(name: sent.name, namespace: sent.namespace, arguments: arguments), event.direction,
        at: event.date, contract: contract)
    }
  }

  /// What a worker plays in a fragment's place: the first answer's sound, cut or filled up to the fragment's length.
  static func played(_ events: [ObservedEvent], _ sequence: Int, count: Int) throws -> [Float] {
    for event in events {
      guard case .fragmentProcessed(let answer) = event.content, answer.sequenceNumber == sequence,
        let audio = answer.dubbedAudio
      else { continue }
      let samples = try AudioClip(pcm16: [UInt8](audio.data.prefix(2 * count)), sampleRate: rate).samples
      return samples + [Float](repeating: 0, count: count - samples.count)
    }
    return [Float](repeating: 0, count: count)
  }

  /// The evidence of the stream, made and judged.
  func verdict() async throws -> DubbingVerdict {
    let made = try await make()
    defer { made.remove() }
    let analysis = OutputAnalysis(
      stream: "s", fixture: fixture, budget: .standard, events: made.events, spoken: made.spoken)
    return DubbingVerdict(try await analysis.evidence(of: MediaFile(made.recording.path), problem: nil))
  }
}

extension ObservedEvent {
  /// The event in the words of the wire; nil for those that no fault here is about.
  fileprivate func sent(_ contract: Contract) throws -> SocketIOEvent? {
    var payload = EventPayload(arguments: [.object([:])])
    let kind: Contract.Event
    switch content {
    case .fragmentData(let data):
      kind = .fragmentData
      contract.write(data, over: nil, as: kind, into: &payload)
    case .fragmentProcessed(let answer):
      kind = .fragmentProcessed
      contract.write(answer, over: nil, as: kind, into: &payload)
    default: return nil
    }
    return try SocketIOEvent(
      name: #require(contract.name(of: kind)), namespace: "/", arguments: payload.arguments)
  }
}
