import Foundation
import SocketIOLite
import Synchronization

/// Something that is broken on purpose while one stream runs, so that a check can be seen to fail.
public struct StreamFault: Sendable {
  /// As reports call it.
  public var name: String
  /// What happens to events on the wire between STS and worker; bound to the stream when it is injected.
  var wire: (action: FaultRule.Action, event: String, occurrence: FaultRule.Occurrence)?
  /// What happens to the publisher.
  var publisher: @Sendable (inout StreamPublisher) -> Void = { _ in }
  /// What happens to the services, beside the running stream.
  var disturbance: (@Sendable (DualStackEnvironment) async throws -> Void)?

  /// The rule for the tap, which touches no other stream's events.
  func rule(for stream: String) -> FaultRule? {
    wire.map { wire in
      FaultRule(
        "\(name) (\(stream))", wire.action, event: wire.event, direction: .toClient, occurrence: wire.occurrence
      ) { event in
        (try? event.decode(StreamControl.self))?.streamID == stream
      }
    }
  }
}

// On the wire
extension StreamFault {
  /// The n-th answer of STS (from 1) goes another way: dropped, delayed, duplicated, reordered.
  public static func answer(_ number: Int, _ action: FaultRule.Action, name: String) -> StreamFault {
    StreamFault(name: name, wire: (action, "fragment:processed", .nth(number)))
  }

  /// The n-th answer of STS (from 1) arrives changed.
  public static func answer(
    _ number: Int, name: String, changed change: @escaping @Sendable (inout FragmentProcessed) -> Void
  ) -> StreamFault {
    answer(number, .replace { $0.changed(change) }, name: name)
  }

  /// Every answer from the second on brings the first one's audio.
  public static func firstAudioRepeated(name: String) -> StreamFault {
    let first = Remembered()
    let action = FaultRule.Action.replace { payload in
      payload.changed { answer in answer.dubbedAudio = first.audio(orRemember: answer.dubbedAudio) }
    }
    return StreamFault(name: name, wire: (action, "fragment:processed", .every))
  }

  /// The n-th answer's base64 text ends too early.
  public static func truncatedBase64(ofAnswer number: Int, name: String) -> StreamFault {
    let action = FaultRule.Action.replace { payload in
      guard var array = try? JSONSerialization.jsonObject(with: Data(payload.payload)) as? [[String: Any]],
        var audio = array.first?["dubbed_audio"] as? [String: Any], let text = audio["data_base64"] as? String
      else { return payload }
      // One character over a multiple of four is the only length that no decoder can take.
      audio["data_base64"] = String(text.prefix(text.count / 8 * 4 + 1))
      array[0]["dubbed_audio"] = audio
      guard let data = try? JSONSerialization.data(withJSONObject: array) else { return payload }
      return FaultPayload(payload: [UInt8](data), attachments: payload.attachments)
    }
    return StreamFault(name: name, wire: (action, "fragment:processed", .nth(number)))
  }

  private final class Remembered: Sendable {
    private let audio = Mutex<FragmentAudio?>(nil)

    func audio(orRemember new: FragmentAudio?) -> FragmentAudio? {
      audio.withLock { known in
        known = known ?? new
        return known
      }
    }
  }
}

// At the publisher
extension StreamFault {
  /// The publisher is killed in mid-stream.
  public static func publisherDies(after time: Duration, name: String) -> StreamFault {
    var fault = StreamFault(name: name)
    fault.publisher = { $0.diesAfter = time }
    return fault
  }

  /// The publisher leaves out every video packet whose number fulfils an ffmpeg expression, such as `eq(n,100)`.
  public static func videoPacketsLost(where expression: String, name: String) -> StreamFault {
    var fault = StreamFault(name: name)
    fault.publisher = { $0.droppedVideoPackets = expression }
    return fault
  }
}

// At the services
extension StreamFault {
  /// Something is done to the services beside the running stream.
  public static func services(
    name: String, _ disturbance: @escaping @Sendable (DualStackEnvironment) async throws -> Void
  ) -> StreamFault {
    var fault = StreamFault(name: name)
    fault.disturbance = disturbance
    return fault
  }

  /// A fault that is a setting of the services, injected by the environment that the suite runs in.
  public static func setting(name: String) -> StreamFault { StreamFault(name: name) }
}

extension FaultPayload {
  /// The payload with its first argument, a processed fragment, changed; as it is when it is none.
  fileprivate func changed(_ change: (inout FragmentProcessed) -> Void) -> FaultPayload {
    guard var arguments = try? JSONDecoder().decode([FragmentProcessed].self, from: Data(payload)), !arguments.isEmpty
    else { return self }
    change(&arguments[0])
    guard let data = try? JSONEncoder().encode(arguments) else { return self }
    return FaultPayload(payload: [UInt8](data), attachments: attachments)
  }
}

extension FragmentAudio {
  /// The same length of white noise at −20 dBFS.
  public var asNoise: FragmentAudio {
    var generator = SystemRandomNumberGenerator()
    return mapped { _ in Int16.random(in: -5000...5000, using: &generator) }
  }

  /// The same sound at another level.
  public func scaled(decibels: Double) -> FragmentAudio {
    let factor = pow(10, decibels / 20)
    return mapped { Int16((Double($0) * factor).rounded()) }
  }

  /// The same samples, declared to be of another rate: heard at another pitch.
  public func declared(sampleRate: Int) -> FragmentAudio {
    var audio = self
    audio.durationMs *= Double(sampleRateHz) / Double(sampleRate)
    audio.sampleRateHz = sampleRate
    return audio
  }

  private func mapped(_ change: (Int16) -> Int16) -> FragmentAudio {
    var audio = self
    let bytes = [UInt8](data)
    audio.data = Data(capacity: bytes.count)
    for index in stride(from: 0, to: bytes.count - 1, by: 2) {
      let sample = change(Int16(truncatingIfNeeded: Int(bytes[index]) | Int(bytes[index + 1]) << 8))
      audio.data.append(UInt8(truncatingIfNeeded: sample))
      audio.data.append(UInt8(truncatingIfNeeded: sample >> 8))
    }
    return audio
  }
}
