import Foundation

/// Something that is broken on purpose while one stream runs, so that a check can be seen to fail.
///
/// The ready-made ones are shorthand: whatever they do can be written with ``init(name:wire:publisher:services:setting:)`` as well.
public struct StreamFault: Sendable {
  /// A fault between worker and STS.
  public struct Wire: Sendable {
    /// Which event is meant, whatever it is called on the wire.
    package var event: Contract.Event
    /// Which way it goes.
    package var direction: ObservedEvent.Direction
    /// Which ones of the stream's, counted from 1.
    package var which: Which
    /// What happens to them.
    package var action: Action

    /// - Parameters:
    ///   - event: which event is meant; what the contract does not have cannot be broken.
    ///   - direction: nil: the way that the event goes.
    ///   - which: which ones of the stream's.
    ///   - action: what happens to them.
    public init(
      _ event: Contract.Event, _ direction: ObservedEvent.Direction? = nil, _ which: Which = .every, _ action: Action
    ) {
      self.event = event
      self.direction = direction ?? (event.directions.contains(.toWorker) ? .toWorker : .toSTS)
      self.which = which
      self.action = action
    }
  }

  /// Which of a stream's events a fault is for.
  public enum Which: Sendable, Hashable {
    /// All of them.
    case every
    /// Only this one, from 1.
    case nth(Int)
    /// The first so many: the fault ends then, and what comes after it must be well again.
    case first(Int)
    /// From the one to the other.
    case range(ClosedRange<Int>)
  }

  /// What happens to an event.
  public enum Action: Sendable {
    /// It never arrives.
    case drop
    /// It arrives later, and so does everything behind it unless `keepingOrder` is false.
    case delay(Duration, keepingOrder: Bool = true)
    /// It arrives twice.
    case duplicate
    /// It arrives behind the next of its kind, or after `atMost`.
    case reorder(atMost: Duration = .seconds(5))
    /// It does not arrive, and both sides lose their connection.
    case disconnect
    /// A fragment of the original arrives changed; its audio may be of any format: ``FragmentAudio/filtered(_:)``.
    case changeFragment(@Sendable (inout FragmentData) -> Void)
    /// An answer arrives changed; its audio may be of any format: ``FragmentAudio/filtered(_:)``.
    case changeAnswer(@Sendable (inout FragmentProcessed) -> Void)
    /// Any event arrives changed, in the words of its own wire; the form says where its fields are.
    case changePayload(@Sendable (inout EventPayload, Contract.Form) -> Void)
  }

  /// A setting of the services that makes the fault.
  public struct Setting: Sendable, Hashable {
    /// Whose setting it is.
    package var project: DualStack.Project
    /// The variable's name.
    package var variable: String
    /// What it is set to.
    package var value: String

    /// A setting of a project.
    public init(_ project: DualStack.Project, _ variable: String, _ value: String) {
      self.project = project
      self.variable = variable
      self.value = value
    }
  }

  /// As reports call it.
  public var name: String
  /// What happens on the wire between STS and worker.
  package var wire: Wire?
  /// What happens to the publisher.
  package var publisher: (@Sendable (inout StreamPublisher) -> Void)?
  /// What happens to the services, beside the running stream.
  package var services: (@Sendable (DualStackEnvironment) async throws -> Void)?
  /// What the environment must have been started with; see ``DualStack/under(_:)``.
  package var setting: Setting?

  /// A fault of one's own, of one or several kinds.
  public init(
    name: String, wire: Wire? = nil, publisher: (@Sendable (inout StreamPublisher) -> Void)? = nil,
    services: (@Sendable (DualStackEnvironment) async throws -> Void)? = nil, setting: Setting? = nil
  ) {
    self.name = name
    self.wire = wire
    self.publisher = publisher
    self.services = services
    self.setting = setting
  }
}

// On the wire
extension StreamFault {
  /// The n-th answer of STS (from 1) goes another way: dropped, delayed, duplicated, reordered.
  public static func answer(_ number: Int, _ action: Action, name: String) -> StreamFault {
    answers(.nth(number), action, name: name)
  }

  /// The n-th answer of STS (from 1) arrives changed.
  public static func answer(
    _ number: Int, name: String, changed change: @escaping @Sendable (inout FragmentProcessed) -> Void
  ) -> StreamFault {
    answers(.nth(number), .changeAnswer(change), name: name)
  }

  /// Some answers of STS go another way, or arrive changed.
  public static func answers(_ which: Which, _ action: Action, name: String) -> StreamFault {
    StreamFault(name: name, wire: Wire(.fragmentProcessed, .toWorker, which, action))
  }

  /// Some fragments of the original go another way to STS, or arrive there changed.
  public static func fragments(_ which: Which, _ action: Action, name: String) -> StreamFault {
    StreamFault(name: name, wire: Wire(.fragmentData, .toSTS, which, action))
  }

  /// The n-th answer's sound ends too early: base64 text in the middle of a byte, an attachment half-way.
  package static func truncatedBase64(ofAnswer number: Int, name: String) -> StreamFault {
    answers(
      .nth(number),
      .changePayload { payload, form in
        let audio = Contract.AudioFields.dubbed
        for field in [audio.base64, audio.data, audio.whole] {
          guard let path = form.fields[field] else { continue }
          switch payload[path] {
          // One character over a multiple of four is the only length that no decoder can take.
          case .string(let text)?: payload[path] = .string(String(text.prefix(text.count / 8 * 4 + 1)))
          case .data(let data)?: payload[path] = .data(data.prefix(data.count / 2))
          default: continue
          }
          return
        }
      }, name: name)
  }
}

// At the services
extension StreamFault {
  /// Something is done to the services beside the running stream.
  public static func services(
    name: String, _ disturbance: @escaping @Sendable (DualStackEnvironment) async throws -> Void
  ) -> StreamFault {
    StreamFault(name: name, services: disturbance)
  }

  /// A setting of the services is the fault: start the environment with `.dualStack(.ours.under(fault))`.
  public static func setting(
    _ project: DualStack.Project, _ variable: String, _ value: String, name: String
  ) -> StreamFault {
    StreamFault(name: name, setting: Setting(project, variable, value))
  }
}

extension DualStack {
  /// The same stacks with the setting that a fault is; the stream that runs ``LiveStream/dub(_:under:)`` it refuses any others.
  public func under(_ fault: StreamFault) -> DualStack {
    guard let setting = fault.setting else { return self }
    return setting.project == .media
      ? media(setting.variable, setting.value) : sts(setting.variable, setting.value)
  }

  /// Why a fault cannot be injected here; nil: it can.
  package func refusal(of fault: StreamFault) -> String? {
    if let setting = fault.setting {
      let project = setting.project == .media ? media : sts
      if project.environment[setting.variable] != setting.value {
        return
          "the environment was not started with \(setting.variable)=\(setting.value): write .dualStack(….under(fault))"
      }
    }
    guard let wire = fault.wire else { return nil }
    guard contract.events[wire.event] != nil else { return "the contract has no \(wire.event.rawValue)" }
    return wire.event.directions.contains(wire.direction)
      ? nil : "\(wire.event.rawValue) does not go \(wire.direction.sentence)"
  }
}
