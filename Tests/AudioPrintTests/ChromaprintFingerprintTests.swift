import AudioPrint
import ComposeTesting
import Foundation
import Testing

@Suite("Chromaprint's raw output", .kind(.logic))
struct ChromaprintFingerprintTests {
  @Test(
    "What fpcalc prints is read, signed or not, as text or JSON",
    arguments: [
      "DURATION=30\nFINGERPRINT=1,4294967295,7\n", #"{"duration": 30.0, "fingerprint": [1, 4294967295, 7]}"#,
      "FINGERPRINT=1,-1,7",
    ])
  func reading(text: String) throws {
    #expect(try ChromaprintFingerprint(fpcalc: text).items == [1, .max, 7])
  }

  @Test(
    "Compressed fingerprints, numbers out of range and other texts are refused",
    arguments: [
      "", "FINGERPRINT=AQAAT0mUaEkSRZEGAA", "FINGERPRINT=1,99999999999", "FINGERPRINT=1,x", #"{"duration": 3}"#,
    ])
  func refused(text: String) {
    let error = #expect(throws: AudioError.self) { try ChromaprintFingerprint(fpcalc: text) }
    #expect(error?.code == .badFormat)
  }

  @Test("The same items agree wholly at any offset within reach, others by half, and too few say nothing")
  func agreement() throws {
    var chance = Chance(5)
    let items = (0..<100).map { _ in UInt32.random(in: 0...UInt32.max, using: &chance) }
    let one = ChromaprintFingerprint(items: items)
    let late = ChromaprintFingerprint(items: Array(repeating: 0, count: 20) + items)
    #expect(one.agreement(with: one) == 1)
    #expect(one.agreement(with: late, from: 3, to: 12, maxOffset: 4) == 1)
    #expect(try #require(one.agreement(with: late, from: 3, to: 12, maxOffset: 1)) < 0.7)
    let other = ChromaprintFingerprint(items: (0..<100).map { _ in UInt32.random(in: 0...UInt32.max, using: &chance) })
    #expect((0.4...0.6).contains(try #require(one.agreement(with: other))))
    // Its first ten are the last ten of the other: less than half, which says nothing.
    let after = ChromaprintFingerprint(items: items.suffix(10) + other.items.prefix(90))
    #expect(try #require(one.agreement(with: after, maxOffset: 12)) < 0.7)
    #expect(one.agreement(with: late, from: 0, to: 0.5) == nil)
    #expect(one.agreement(with: one, from: .nan, to: .nan, maxOffset: .nan) == nil)
    #expect(ChromaprintFingerprint(items: []).agreement(with: one) == nil)
  }
}
