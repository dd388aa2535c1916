import Dispatch
import Foundation
import Synchronization

// What faults make of a fragment's sound.

extension FragmentAudio {
  /// The same length of white noise at −20 dBFS.
  public var asNoise: FragmentAudio {
    guard isPCM else { return filtered("aeval='0.3*random(0)-0.15':c=same") }
    var generator = SystemRandomNumberGenerator()
    return mapped { _ in Int16.random(in: -5000...5000, using: &generator) }
  }

  /// The same sound at another level.
  public func scaled(decibels: Double) -> FragmentAudio {
    guard isPCM else { return filtered("volume=\(decibels)dB") }
    let factor = pow(10, decibels / 20)
    return mapped { Int16((Double($0) * factor).rounded()) }
  }

  /// The same samples, declared to be of another rate: heard at another pitch.
  public func declared(sampleRate: Int) -> FragmentAudio {
    var audio = isPCM ? self : filtered("asetrate=\(sampleRate)")
    if sampleRateHz > 0 { audio.durationMs *= Double(sampleRateHz) / Double(sampleRate) }
    audio.sampleRateHz = sampleRate
    return audio
  }

  /// The sound through an ffmpeg audio filter, such as `volume=-40dB`, coded as it was before; as it is when ffmpeg cannot do that.
  ///
  /// A fault that turned nothing red was not injected: a stream's test says so by itself. Takes some tenths of a second, in which the tap carries nothing else.
  public func filtered(_ filter: String) -> FragmentAudio {
    guard let data = Self.waited(for: { [self] in try await self.filteredData(filter) }) else { return self }
    var audio = self
    audio.data = data
    return audio
  }

  private func filteredData(_ filter: String) async throws -> Data? {
    let path = FileManager.default.temporaryDirectory.appending(path: "fault-\(UUID().uuidString)")
    let files = [path.appendingPathExtension("in"), path.appendingPathExtension("out")]
    defer { for file in files { try? FileManager.default.removeItem(at: file) } }
    try data.write(to: files[0])
    var (input, output): ([String], [String]) = ([], [])
    if isPCM {
      input = ["-f", "s16le", "-ar", "\(sampleRateHz)", "-ac", "\(channels)"]
      output = ["-f", "s16le"]
    } else {
      output = Self.coding(of: try await MediaInfo.probe(files[0].path))
    }
    let result = try await MediaTool.run(
      "ffmpeg",
      ["-v", "error", "-nostdin", "-y"] + input + ["-i", files[0].path, "-vn", "-af", filter] + output + [
        files[1].path
      ],
      timeout: .seconds(20))
    return result.succeeded ? FileManager.default.contents(atPath: files[1].path) : nil
  }

  /// ffmpeg's options for what a file is: its first muxer name, and the encoder of its codec.
  private static func coding(of info: MediaInfo) -> [String] {
    let muxer =
      switch info.container {
      case let name where name.contains("mp4"): "mp4"
      case "aac": "adts"
      case let name where name.contains("webm"): "webm"
      case let name: String(name.prefix { $0 != "," })
      }
    let encoders = ["opus": "libopus", "mp3": "libmp3lame", "vorbis": "libvorbis"]
    let codec = info.audio?.codec ?? ""
    return ["-c:a", encoders[codec] ?? codec, "-f", muxer]
  }

  /// Runs something that waits from a tap's rule, which cannot.
  ///
  /// Rules run on an event loop of the tap's own and never on a thread of the concurrency runtime, so none is missing to whom is waited for.
  private static func waited<R: Sendable>(for work: @escaping @Sendable () async throws -> R?) -> R? {
    let done = DispatchSemaphore(value: 0)
    // Written before the semaphore is signalled, read after.
    let result = Mutex<R?>(nil)
    // Owned by this call, which outlives it: ffmpeg has a deadline.
    Task {
      let value = try? await work()
      result.withLock { $0 = value ?? nil }
      done.signal()
    }
    done.wait()
    return result.withLock { $0 }
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
