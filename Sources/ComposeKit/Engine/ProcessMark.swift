import Foundation
import Subprocess

/// When a process started, as text that together with its id names it for as long as the machine runs.
///
/// Process ids are used again; the pair is not. The watchdog's script computes the same text (see `Watchdog.script`).
enum ProcessMark {
  /// The mark of a process, or nil if there is no such process.
  static func of(_ pid: Int32) async -> String? {
    #if os(Linux)
      // Field 22 of proc(5) stat: start time in clock ticks since boot.
      guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return nil }
      return startTicks(inStat: stat)
    #else
      let configuration = Configuration(
        executable: .path("/bin/ps"), arguments: ["-o", "lstart=", "-p", "\(pid)"],
        environment: .inherit.updating(["LC_ALL": "C"]))
      guard let result = try? await Subprocess.run(configuration, output: .string(limit: 4096), error: .discarded)
      else { return nil }
      let words = result.standardOutput.split(whereSeparator: \.isWhitespace)
      return words.isEmpty ? nil : words.joined(separator: "_")
    #endif
  }

  /// The start time in a line of /proc/<pid>/stat; the program's name in it may hold spaces and parentheses.
  static func startTicks(inStat stat: String) -> String? {
    guard let nameEnd = stat.lastIndex(of: ")") else { return nil }
    let fields = stat[stat.index(after: nameEnd)...].split(whereSeparator: \.isWhitespace)
    // Field 3 is the first one after the name. A zombie is a process that has ended.
    guard fields.count > 19, fields[0] != "Z", fields[19].allSatisfy(\.isNumber) else { return nil }
    return String(fields[19])
  }
}
