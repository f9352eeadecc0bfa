#include "vsctl/sandbox/network.h"

#include <arpa/inet.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"

namespace vs::ctl {
namespace {

constexpr const char* kLoopback = "lo";
constexpr const char* kAddress = "192.0.0.8";      // RFC 7600: the dummy address
constexpr const char* kAddress6 = "100:0:0:1::1";  // RFC 9780: in the dummy prefix
constexpr int kHostPrefix6 = 128;

ifreq request_for(const char* address) {
  ifreq request{};
  std::strcpy(request.ifr_name, kLoopback);
  sockaddr_in value{.sin_family = AF_INET};
  ::inet_pton(AF_INET, address, &value.sin_addr);
  std::memcpy(&request.ifr_addr, &value, sizeof value);
  return request;
}

}  // namespace

Result<> name_loopback() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq address = request_for(kAddress);
  ifreq mask = request_for("255.255.255.255");
  if (!socket || ::ioctl(socket.get(), SIOCSIFADDR, &address) != 0 ||
      ::ioctl(socket.get(), SIOCSIFNETMASK, &mask) != 0)
    return fail_errno(errno, "name the guest's loopback interface");

  const UniqueFd socket6(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket6) return {};  // a node without IPv6
  in6_ifreq address6{};
  ::inet_pton(AF_INET6, kAddress6, &address6.ifr6_addr);
  address6.ifr6_prefixlen = kHostPrefix6;
  address6.ifr6_ifindex = static_cast<int>(::if_nametoindex(kLoopback));
  // EACCES: IPv6 is switched off for new interfaces.
  if (::ioctl(socket6.get(), SIOCSIFADDR, &address6) != 0 && errno != EACCES)
    return fail_errno(errno, "name the guest's loopback interface for IPv6");
  return {};
}

}  // namespace vs::ctl
