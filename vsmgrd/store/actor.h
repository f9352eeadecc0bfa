// Who does something: stands in every event, audit row and record that it leaves.
//
// Values; thread-safe.
#pragma once

#include <string>

namespace vs {

struct Actor {
  std::string principal;   // "uid:1000", "cert:ops", "token:ci"; of the daemon itself: "vsmgrd"
  std::string role;        // viewer | operator | policy-admin | admin; of the daemon: "system"
  std::string channel;     // "unix", "unix-ro", "tls", "metrics"; of the daemon: "internal"
  std::string request_id;  // of the request that it came with; may be empty
  friend bool operator==(const Actor&, const Actor&) = default;
};

inline Actor the_daemon() { return {"vsmgrd", "system", "internal", ""}; }

}  // namespace vs
