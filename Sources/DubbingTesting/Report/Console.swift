import Foundation

/// Lines for the person who watches a run; written at once, where `print` would hold them back in a pipe.
enum Console {
  static func print(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }
}
