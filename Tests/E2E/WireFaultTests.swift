import DubbingTesting
import Foundation
import SocketIOLite
import Synchronization
import Testing

/// A fault, and the diagnosis that it must lead to: this outcome, these red checks and no others.
struct FaultCase: Sendable, CustomTestStringConvertible {
  var fault: StreamFault
  var fixture = "counting-short"
  var outcome = StreamOutcome.dubbed
  var checks: Set<DubbingVerdict.Check.Name>

  var testDescription: String { fault.name }
}

extension E2E {
  /// Faults between STS and worker, or at the publisher: all run side by side in the shared environment.
  ///
  /// Published over RTMP, which keeps the sender's times: over RTSP a media server dates each track by the arrival of its first
  /// packet, so that a busy machine can add a fault of its own. The pipeline's suite covers both.
  @Suite("Faults of a stream", .tags(.faults))
  struct StreamFaults {
    static let onTheWire: [FaultCase] = [
      FaultCase(fault: .answer(1, .duplicate, name: "fragment:processed duplicated"), checks: [.processedOnce]),
      FaultCase(
        fault: .answer(1, .reorder(atMost: .seconds(20)), name: "two fragment:processed swapped"), checks: [.order]),
      FaultCase(
        fault: .answer(2, name: "noise instead of speech") { $0.dubbedAudio = $0.dubbedAudio?.asNoise },
        outcome: .failed, checks: [.identity]),
      FaultCase(fault: .answer(2, .delay(.seconds(3)), name: "delayed but in time"), checks: []),
      FaultCase(
        fault: .answer(2, name: "dubbed audio 40 dB too quiet") {
          $0.dubbedAudio = $0.dubbedAudio?.scaled(decibels: -40)
        },
        checks: [.loudness]),
      FaultCase(
        fault: .answer(2, name: "wrong sample rate declared") {
          $0.dubbedAudio = $0.dubbedAudio?.declared(sampleRate: 24000)
        },
        outcome: .failed, checks: [.identity]),
      FaultCase(
        fault: firstAudioRepeated("a fragment's audio repeated for the next"), outcome: .failed, checks: [.identity]),
      FaultCase(
        fault: .answer(1, name: "wrong target language") { $0.translatedText = "eins, zwei, drei, vier, fünf, sechs" },
        checks: [.translation]),
      FaultCase(
        fault: .truncatedBase64(ofAnswer: 2, name: "truncated base64"), outcome: .mixed,
        checks: [.processedOnce, .contract, .identity, .originalAbsent]),
      FaultCase(
        fault: .answer(2, name: "STS answers with status failed") {
          $0.status = .failed
          $0.dubbedAudio = nil
          $0.error = .init(code: "MODEL_ERROR", message: "out of memory", stage: "tts", retryable: false)
        },
        outcome: .mixed, checks: [.processedOnce, .identity, .originalAbsent]),
    ]

    /// Inside of a dub, of whose 6 s the first three sound: a window is explained as a whole all the same.
    static let inside: [FaultCase] = [
      broken("100 ms of the dub missing every 500 ms", filter: "aeval='val(0)*gte(mod(t,0.5),0.1)':c=same"),
      broken("the dub's last words silent", filter: "aeval='val(0)*lt(t,2.6)':c=same"),
      broken("20 ms of the dub missing once", filter: "aeval='val(0)*(1-between(t,1.34,1.36))':c=same"),
      broken("a click where two dubs meet", filter: "aeval='if(lt(t,0.003),0.9*sin(6283*t),val(0))':c=same"),
      FaultCase(
        fault: .answer(2, name: "half a second of the dub played twice") { answer in
          guard let audio = answer.dubbedAudio else { return }
          let half = audio.sampleRateHz / 2 * 2
          let bytes = [UInt8](audio.data)
          answer.dubbedAudio?.data = Data(bytes[..<(2 * half)] + bytes[half..<2 * half] + bytes[(3 * half)...])
        },
        checks: [.continuity]),
    ]

    /// Every answer from the second on brings the first one's audio.
    private static func firstAudioRepeated(_ name: String) -> StreamFault {
      let first = FirstAudio()
      return .answers(.every, .changeAnswer { $0.dubbedAudio = first.audio(orRemember: $0.dubbedAudio) }, name: name)
    }

    private static func broken(_ name: String, filter: String) -> FaultCase {
      FaultCase(
        fault: .answer(2, name: name) { $0.dubbedAudio = $0.dubbedAudio?.filtered(filter) }, checks: [.continuity])
    }

    static let atThePublisher: [FaultCase] = [
      FaultCase(
        fault: .init(name: "publisher dies in mid-stream", publisher: { $0.diesAfter = .seconds(15) }),
        fixture: "counting", checks: [.fragmentsSent, .transcript, .duration]),
      FaultCase(
        fault: .init(name: "video packets lost", publisher: { $0.droppedVideoPackets = "between(n,100,104)" }),
        checks: [.videoPackets]),
    ]

    @Test(
      "A fault leads to its diagnosis and no other", .stream(publish: .rtmp),
      arguments: onTheWire + inside + atThePublisher)
    func fault(_ fault: FaultCase) async throws {
      try await LiveStream.current.expectCaught(
        Fixture.named(fault.fixture), as: fault.outcome, by: fault.checks, under: fault.fault)
    }
  }
}

/// The audio of the first answer that a fault has seen.
private final class FirstAudio: Sendable {
  // Asked by event loops only, one answer after the other.
  private let known = Mutex<FragmentAudio?>(nil)

  func audio(orRemember new: FragmentAudio?) -> FragmentAudio? {
    known.withLock { known in
      known = known ?? new
      return known
    }
  }
}
