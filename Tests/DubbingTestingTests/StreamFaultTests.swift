import DubbingTesting
import Foundation
import SocketIOLite
import Testing

@Suite("Faults on the wire", .kind(.programs), .inTurn)
struct StreamFaultTests {
  private typealias Foreign = ForeignContract

  /// What a fault makes of an event; nil where its rule does not take it.
  private func faulted(_ fault: StreamFault, _ record: TapRecord, _ contract: Contract) throws -> EventPayload? {
    let rule = try #require(fault.rule(for: "s", contract))
    #expect(rule.event == record.event.name && rule.direction == record.direction)
    guard rule.predicate?(record.event) ?? true, case .replace(let change) = rule.action else { return nil }
    let payload = change(FaultPayload(payload: record.event.payload, attachments: record.event.attachments))
    return EventPayload(payload)
  }

  @Test("An answer is changed where its own wire has the field, and nothing else of it is touched")
  func answer() throws {
    let contract = try Foreign.contract()
    let record = try Foreign.answer(0, id: "x")
    let fault = StreamFault.answer(1, name: "f") {
      $0.translatedText = "eins"
      $0.status = .failed
      $0.dubbedAudio = nil
      $0.error = .init(code: "ENGINE_BUSY", message: "no")
    }
    let after = try #require(try faulted(fault, record, contract))
    var expected = try EventPayload(record.event)
    expected["said"] = .string("eins")
    expected["state"] = .string("no")
    expected["media"] = nil
    expected["fault"] = .object(["code": .string("ENGINE_BUSY"), "text": .string("no")])
    #expect(after == expected)
  }

  @Test("A fragment's audio is changed on its way to STS, and an attachment stays one")
  func fragment() throws {
    let fault = StreamFault.fragments(.nth(1), .changeFragment { $0.audio.data.append(7) }, name: "f")
    let record = try Foreign.segment(0, id: "x")
    let after = try #require(try faulted(fault, record, Foreign.contract()))
    #expect(after["media.bytes"] == .data(Data([0xFF, 0xF1, 0, 7])))
    #expect(after["media.length_ms"] == .integer(6016))
    #expect(after.faultPayload?.attachments.count == 1)
  }

  @Test("Sound that ends too early: text in the middle of a byte, an attachment half-way")
  func truncated() throws {
    let fault = StreamFault.truncatedBase64(ofAnswer: 1, name: "f")
    let text = try #require(try faulted(fault, try Foreign.answer(0, id: "x"), Foreign.contract()))
    #expect(text["media.bytes"] == .string("A"))
    let attached = try Foreign.record(
      "segment.dubbed", .toClient, #"{"id": "x", "session": "s", "index": 0, "media": {"container": "mp4"}}"#,
      attachment: Data(count: 10))
    let bytes = try #require(try faulted(fault, attached, Foreign.contract()))
    #expect(bytes["media.bytes"] == .data(Data(count: 5)))
  }

  @Test("A rule touches only its own stream, by the stream's id or by its fragments'")
  func ownStream() throws {
    let contract = try Foreign.contract()
    let rule = try #require(StreamFault.answer(1, .drop, name: "f").rule(for: "other", contract))
    #expect(try rule.predicate?(Foreign.answer(0, id: "x").event) == false)
    let lost = StreamFault(name: "f", wire: .init(.fragmentAck, .toWorker, .every, .drop))
    let queued = try Foreign.record("segment.queued", .toClient, #"{"id": "x"}"#).event
    #expect(lost.rule(for: "s", contract) { ["x"] }?.predicate?(queued) == true)
    #expect(lost.rule(for: "s", contract) { ["y"] }?.predicate?(queued) == false)
  }

  @Test("A fault may last from one event to another, and end")
  func range() throws {
    let fault = StreamFault.answers(.range(2...3), .drop, name: "f")
    let rule = try #require(fault.rule(for: "s", try Foreign.contract()))
    let event = try Foreign.answer(0, id: "x").event
    #expect((1...4).map { _ in rule.predicate?(event) ?? false } == [false, true, true, false])
    let first = try #require(StreamFault.answers(.first(3), .drop, name: "f").rule(for: "s", try Foreign.contract()))
    #expect(first.occurrence == .first(3))
  }

  @Test("A fault that is a setting needs the environment that has it, and one on the wire an event that there is")
  func refusals() throws {
    let base = DualStack(media: .init(name: "m", files: []), sts: .init(name: "s", files: []))
    let echo = StreamFault.setting(.sts, "STS_ENGINE", "echo", name: "echo")
    #expect(base.refusal(of: echo)?.contains("STS_ENGINE=echo") ?? false)
    #expect(base.under(echo).refusal(of: echo) == nil)
    #expect(base.under(echo).sts.environment == ["STS_ENGINE": "echo"])
    var foreign = base
    foreign.contract = try Foreign.contract()
    #expect(
      foreign.refusal(of: .init(name: "f", wire: .init(.backpressure, .toWorker, .every, .drop)))
        == "the contract has no backpressure")
    #expect(foreign.refusal(of: .init(name: "f", wire: .init(.fragmentData, .toWorker, .every, .drop))) != nil)
  }

  @Test("Sound of any format is changed, and stays what it was", arguments: ["adts", "mp4", "wav"])
  func formats(muxer: String) async throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "sound-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    try await MediaTool.make([
      "-f", "lavfi", "-i", "sine=frequency=440:duration=1:sample_rate=48000", "-f", muxer, file.path,
    ])
    let data = try Data(contentsOf: file)
    let audio = FragmentAudio(format: "m4a", sampleRateHz: 48000, channels: 1, durationMs: 1000, data: data)
    // Off the runtime's threads, as a tap's rule is.
    let quiet = await withCheckedContinuation { continuation in
      Thread.detachNewThread { continuation.resume(returning: audio.scaled(decibels: -40)) }
    }
    #expect(quiet.data != data && !quiet.data.isEmpty)
    try quiet.data.write(to: file)
    let info = try await MediaInfo.probe(file.path)
    #expect(abs(info.duration - 1) < 0.1 && info.audio?.sampleRate == 48000)
    let level = try await MediaTool.run(
      "ffmpeg", ["-hide_banner", "-nostdin", "-i", file.path, "-af", "volumedetect", "-f", "null", "-"],
      timeout: .seconds(600))
    let words = level.standardError.split(whereSeparator: \.isWhitespace)
    let mean = words.firstIndex(of: "mean_volume:").flatMap { Double(words[$0 + 1]) } ?? 0
    // ffmpeg's sine is at −21 dB.
    #expect(mean < -55 && mean > -70, "\(mean) dB")
  }
}
