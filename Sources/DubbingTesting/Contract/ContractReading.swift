import Foundation
import SocketIOLite

/// Reads events in their order, and knows of each session and stream what has been said before.
struct ContractReading {
  private struct Stream {
    /// What its opening declared.
    var config: StreamInit.Configuration?
    /// Our numbers of its fragments, by their ids.
    var numbers: [String: Int] = [:]
    var next = 0
    /// The session that its fragments came in last.
    var session: String?
    /// What is added to the sequence numbers of each session.
    var offsets: [String: Int] = [:]
  }

  private let contract: Contract
  private var streams: [String: Stream] = [:]
  /// The stream that a session opened last.
  private var opened: [String: String] = [:]

  init(_ contract: Contract) { self.contract = contract }

  mutating func event(_ record: TapRecord) -> ObservedEvent {
    event(
      record.event, .init(record.direction), at: record.date, connection: record.connection,
      session: record.sessionKey)
  }

  mutating func event(
    _ event: SocketIOEvent, _ direction: ObservedEvent.Direction, at date: Date, connection: Int, session: String
  ) -> ObservedEvent {
    var observed = ObservedEvent(
      date: date, direction: direction, connection: connection, content: .undecodable(name: event.name))
    do {
      guard let content = try read(event, direction) else {
        let known = contract.names(going: direction).joined(separator: ", ")
        observed.violations = [
          "\(event.name) \(direction.sentence) is not an event of the contract, which has \(known) that way"
        ]
        return observed
      }
      observed.content = completed(content, session)
      observed.violations = problems(of: observed.content, on: event.namespace).map { "\(event.name): \($0)" }
    } catch {
      observed.violations = ["\(event.name): \(error)"]
    }
    return observed
  }

  private func read(_ event: SocketIOEvent, _ direction: ObservedEvent.Direction) throws -> ObservedEvent.Content? {
    if let read = try contract.reader?.read(event, direction) {
      return try content(read.event, FieldReader(said: read.fields, of: read.event, contract: contract))
    }
    guard let ours = contract.event(named: event.name, direction), let form = contract.events[ours] else {
      return contract.ignores(event.name) ? .ignored(name: event.name) : nil
    }
    return try content(ours, FieldReader(payload: try EventPayload(event), form: form, contract: contract))
  }

  private func content(_ event: Contract.Event, _ fields: FieldReader) throws -> ObservedEvent.Content {
    switch event {
    case .streamInit: return .streamInit(try StreamInit(fields))
    case .streamReady: return .streamReady(try StreamReady(fields))
    case .fragmentData: return .fragmentData(try FragmentData(fields))
    case .fragmentAck: return .fragmentAck(try FragmentAck(fields))
    case .fragmentProcessed: return .fragmentProcessed(try FragmentProcessed(fields))
    case .streamPause, .streamResume, .streamEnd: return .streamControl(event, try StreamControl(fields))
    case .streamComplete: return .streamComplete(try StreamComplete(fields))
    case .backpressure: return .backpressure(try Backpressure(fields))
    case .error: return .serviceError(try ServiceError(fields))
    }
  }

  // MARK: What an event leaves out

  private mutating func completed(_ content: ObservedEvent.Content, _ session: String) -> ObservedEvent.Content {
    switch content {
    case .streamInit(let start):
      opened[session] = start.streamID
      streams[start.streamID, default: Stream()].config = start.config
      if contract.sequence == .restarts { restart(start.streamID, in: session) }
      return content
    case .fragmentData(var fragment):
      fragment.streamID = stream(fragment.streamID, session)
      number(&fragment, session)
      complete(&fragment.audio, of: fragment.streamID)
      return .fragmentData(fragment)
    case .fragmentAck(var ack):
      if ack.fragmentID.isEmpty, let sequence = ack.sequenceNumber, let stream = opened[session] {
        ack.fragmentID = id(of: sequence, in: stream, session)
      }
      return .fragmentAck(ack)
    case .fragmentProcessed(var answer):
      answer.streamID = stream(answer.streamID, session)
      number(&answer, session)
      if var audio = answer.dubbedAudio {
        complete(&audio, of: answer.streamID)
        answer.dubbedAudio = audio
      }
      return .fragmentProcessed(answer)
    default: return content
    }
  }

  private func stream(_ named: String, _ session: String) -> String { named.isEmpty ? opened[session] ?? "" : named }

  /// A worker that opens its stream again, or sends its fragments in another session, counts from 0 once more.
  private mutating func restart(_ name: String, in session: String) {
    var stream = streams[name] ?? Stream()
    stream.session = session
    stream.offsets[session] = stream.next
    streams[name] = stream
  }

  private mutating func number(_ fragment: inout FragmentData, _ session: String) {
    let name = fragment.streamID
    if contract.sequence == .restarts, streams[name]?.session != session { restart(name, in: session) }
    var stream = streams[name] ?? Stream()
    let theirs = fragment.sequenceNumber
    fragment.sequenceNumber += stream.offsets[session] ?? 0
    if fragment.fragmentID.isEmpty { fragment.fragmentID = "\(name)#\(fragment.sequenceNumber)" }
    // Sent again after a reconnect it keeps the number that it had, and those after it go on from there.
    if contract.sequence == .restarts, let known = stream.numbers[fragment.fragmentID] {
      fragment.sequenceNumber = known
      stream.offsets[session] = known - theirs
    }
    stream.numbers[fragment.fragmentID] = fragment.sequenceNumber
    stream.next = max(stream.next, fragment.sequenceNumber + 1)
    streams[name] = stream
  }

  private func number(_ answer: inout FragmentProcessed, _ session: String) {
    let isNumbered = contract.has(.sequenceNumber, in: .fragmentProcessed)
    if answer.fragmentID.isEmpty, isNumbered {
      answer.fragmentID = id(of: answer.sequenceNumber, in: answer.streamID, session)
    }
    let offset = streams[answer.streamID]?.offsets[session] ?? 0
    let known = streams[answer.streamID]?.numbers[answer.fragmentID]
    if let known, !isNumbered || contract.sequence == .restarts {
      answer.sequenceNumber = known
    } else {
      answer.sequenceNumber += offset
    }
  }

  private func id(of sequence: Int, in stream: String, _ session: String) -> String {
    let number = sequence + (streams[stream]?.offsets[session] ?? 0)
    return streams[stream]?.numbers.first { $0.value == number }?.key ?? "\(stream)#\(number)"
  }

  private func complete(_ audio: inout FragmentAudio, of stream: String) {
    let config = streams[stream]?.config
    if audio.format.isEmpty {
      audio.format = config.map(\.format).flatMap { $0.isEmpty ? nil : $0 } ?? FragmentAudio.pcm
    }
    guard audio.isPCM else { return }
    if audio.sampleRateHz == 0 {
      audio.sampleRateHz = config.map(\.sampleRateHz).flatMap { $0 > 0 ? $0 : nil } ?? 16000
    }
    if audio.channels == 0 { audio.channels = config.map(\.channels).flatMap { $0 > 0 ? $0 : nil } ?? 1 }
    let frames = Double(audio.data.count / (2 * audio.channels))
    if audio.durationMs == 0 { audio.durationMs = frames / Double(audio.sampleRateHz) * 1000 }
  }

  // MARK: What the fields do not say by themselves

  private func problems(of content: ObservedEvent.Content, on namespace: String) -> [String] {
    var problems: [String] = []
    if let known = contract.namespaces, !known.contains(namespace) {
      problems.append("came on the namespace \(namespace); the contract has \(known.sorted().joined(separator: ", "))")
    }
    switch content {
    case .fragmentData(let event):
      problems += event.audio.problems + formatProblems(event.audio, contract.fragmentFormats, event.streamID)
    case .fragmentProcessed(let event):
      if let audio = event.dubbedAudio {
        problems += audio.problems + formatProblems(audio, contract.dubFormats, event.streamID)
      }
      if event.status == .success, event.dubbedAudio == nil {
        problems.append("status is success without dubbed_audio")
      }
      if event.status == .failed, event.error == nil { problems.append("status is failed without error") }
      problems += event.error.map { codeProblems($0.code) } ?? []
    case .serviceError(let event): problems += codeProblems(event.code)
    default: break
    }
    return problems
  }

  private func formatProblems(_ audio: FragmentAudio, _ allowed: Set<String>?, _ stream: String) -> [String] {
    if let allowed {
      return allowed.contains(audio.format)
        ? [] : ["the audio's format is \(audio.format); the contract has \(allowed.sorted().joined(separator: ", "))"]
    }
    guard let declared = streams[stream]?.config?.format, !declared.isEmpty, declared != audio.format else { return [] }
    return ["the audio's format is \(audio.format); the stream's opening declared \(declared)"]
  }

  private func codeProblems(_ code: String) -> [String] {
    guard let known = contract.errorCodes, !known.contains(code) else { return [] }
    return ["unknown code \(code)"]
  }
}
