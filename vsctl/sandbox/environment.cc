#include "vsctl/sandbox/environment.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace vs::ctl {
namespace {

// Each names a socket or a directory of the node: without meaning inside, or misleading.
constexpr std::array<std::string_view, 7> kCallersOwn{
    "VSERVICE_DIRECTORY", "VSCTL_SOCKET", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",      "TMPDIR",       "NOTIFY_SOCKET"};

std::string_view key_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

void set(std::vector<std::string>& environment, const std::string& entry) {
  std::erase_if(environment,
                [&](const std::string& present) { return key_of(present) == key_of(entry); });
  environment.push_back(entry);
}

std::string value_of(const std::vector<std::string>& environment, std::string_view key) {
  for (const std::string& entry : environment)
    if (key_of(entry) == key && entry.size() > key.size()) return entry.substr(key.size() + 1);
  return "";
}

}  // namespace

std::vector<std::string> guest_environment(const std::vector<std::string>& caller,
                                           const std::vector<std::string>& extra,
                                           const std::string& library_directory) {
  std::vector<std::string> environment;
  for (const std::string& entry : caller)
    if (std::find(kCallersOwn.begin(), kCallersOwn.end(), key_of(entry)) == kCallersOwn.end())
      environment.push_back(entry);
  set(environment, "HOME=/tmp");
  for (const std::string& entry : extra) set(environment, entry);
  const std::string further = value_of(environment, "LD_LIBRARY_PATH");
  set(environment, "LD_LIBRARY_PATH=" + library_directory + (further.empty() ? "" : ":" + further));
  return environment;
}

std::vector<std::string> caller_environment() {
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  return environment;
}

}  // namespace vs::ctl
