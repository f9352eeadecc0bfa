#include "vsmgrd/api/access.h"

namespace vs::http {

bool reads_only(std::string_view method) { return method == "GET" || method == "HEAD"; }

bool allowed(const std::optional<Peer>& peer, std::string_view method, uid_t owner) {
  if (!peer) return false;
  if (peer->uid == 0 || peer->uid == owner) return true;
  return reads_only(method);
}

}  // namespace vs::http
