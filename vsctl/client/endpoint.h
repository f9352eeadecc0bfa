// Where the daemon is and who asks: its socket on this node, or a host with TLS.
//
// A value.
#pragma once

#include <cstdint>
#include <string>

namespace vs::ctl {

enum class Trace : std::uint8_t { none, requests, everything };  // -v, --debug

struct Endpoint {
  std::string socket_path;
  std::string host{};        // "https://node2:8443"; then the socket is not used
  std::string token{};       // sent as Bearer
  std::string ca_file{};     // whom to trust instead of the system's authorities
  std::string cert_file{};   // who we are
  std::string key_file{};
  Trace trace = Trace::none;  // of what is said, on standard error

  // As messages call it.
  [[nodiscard]] const std::string& name() const { return host.empty() ? socket_path : host; }
};

}  // namespace vs::ctl
