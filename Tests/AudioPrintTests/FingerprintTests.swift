import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("Compact fingerprint", .kind(.computing))
struct FingerprintTests {
  @Test("A recording is recognised by its stored fingerprint after codecs, filters and an offset")
  func same() async throws {
    let clip = try await Media.original().slice(from: 0, to: 12)
    let stored = try JSONEncoder().encode(Fingerprint(clip))
    let fingerprint = try JSONDecoder().decode(Fingerprint.self, from: stored)
    #expect(fingerprint == Fingerprint(clip))
    // 125 bytes a second and the levels, in base64.
    #expect(stored.count < 12 * 240)
    for coding in [
      ["-c:a", "aac", "-b:a", "32k", "-ar", "22050"], ["-af", "volume=-20dB,lowpass=2500", "-c:a", "aac"],
    ] {
      let match = fingerprint.compare(try await Media.roundTrip(clip, coding))
      // The second of the three blocks is a pause.
      #expect(match.isSame && match.explainedBlocks == 2 && match.audibleBlocks == 2, "\(match)")
      #expect(abs(match.lagSeconds) < 0.05)
    }
    let late = fingerprint.compare(try clip.delayed(2.5))
    #expect(late.isSame && abs(late.lagSeconds - 2.5) < 0.05, "\(late)")
    let early = fingerprint.compare(clip.slice(from: 3.1, to: 12))
    #expect(early.isSame && abs(early.lagSeconds + 3.1) < 0.05, "\(early)")
  }

  @Test("Other words in the same voice, noise and a partial replacement are different")
  func different() async throws {
    let (original, dubbed) = (try await Media.original(), try await Media.dubbed())
    let fingerprint = Fingerprint(dubbed[0])
    #expect(!fingerprint.compare(dubbed[1]).isSame)
    #expect(!fingerprint.compare(original.slice(from: 0, to: 6)).isSame)
    let noise = fingerprint.compare(try .noise(6))
    #expect(!noise.isSame && (noise.bitErrorRate ?? 0) > 0.4, "\(noise)")
    let partly = try AudioClip.joined([original.slice(from: 0, to: 6), dubbed[1]])
    let match = Fingerprint(original).compare(partly)
    #expect(!match.isSame && match.explainedBlocks >= 1 && match.explainedBlocks < match.audibleBlocks, "\(match)")
  }

  @Test("Silence is the same as silence only, and clips too short for a frame say nothing")
  func silence() async throws {
    let speech = Fingerprint(try await Media.dubbed()[0])
    let silence = Fingerprint(try .silence(6))
    #expect(silence.compare(silence).isSame)
    #expect(!speech.compare(silence).isSame && !silence.compare(speech).isSame)
    for count in [0, 1, 300, 2047, 2048, 2304] {
      let short = try AudioClip(samples: [Float](repeating: 0.5, count: count), sampleRate: 8000)
      #expect(!speech.compare(short).isSame)
      #expect(!Fingerprint(short).compare(speech).isSame)
    }
    for offset in [0, -1, 1e9, Double.infinity] { _ = speech.compare(speech, maxOffset: offset) }
  }

  @Test(
    "Files of another format or version, or cut off, are refused",
    arguments: [
      #"{"format":"other","version":1,"frames":0,"bits":""}"#,
      #"{"format":"audioprint","version":2,"frames":0,"bits":""}"#,
      #"{"format":"audioprint","version":1,"frames":2,"bits":"AAAAAAA="}"#,
      #"{"format":"audioprint","version":1,"frames":-1,"bits":""}"#,
      #"{"format":"audioprint","version":1,"frames":9223372036854775807,"bits":"AAAA"}"#,
    ])
  func refused(json: String) {
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(Fingerprint.self, from: Data(json.utf8)) }
  }

  @Test("A second in common explains no block: half of one must overlap")
  func overlap() throws {
    let one = try AudioClip.noise(6)
    let other = try AudioClip.joined([one.slice(from: 5, to: 6), .noise(5, seed: 2)])
    let match = Fingerprint(one).compare(other)
    #expect(!match.isSame && match.explainedBlocks == 0, "\(match)")
  }

  @Test("An end that is too short for a block counts with the block before it")
  func lastBlock() throws {
    let one = try AudioClip.noise(5)
    // A third of the first 3 s is the same, which is enough, and a quarter of all 5 s, which is not.
    let match = Fingerprint(one).compare(try .joined([one.slice(from: 0, to: 1.4), .noise(3.6, seed: 2)]))
    #expect(!match.isSame && match.audibleBlocks == 1, "\(match)")
  }
}
