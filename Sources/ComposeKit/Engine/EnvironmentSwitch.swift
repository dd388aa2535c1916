import Foundation

extension ProcessInfo {
  /// Whether an environment variable says yes: anything but 0, no and false; `isOnByDefault` where it is unset or empty.
  func isOn(_ variable: String, byDefault isOnByDefault: Bool = false) -> Bool {
    guard let value = environment[variable], !value.isEmpty else { return isOnByDefault }
    return !["0", "no", "false"].contains(value.lowercased())
  }
}
