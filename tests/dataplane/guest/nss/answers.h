// Answers of the service, written as a test reads them.
//
// Owned by one thread. An Answer keeps what its set points to alive.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/abi/dns.h"
#include "dataplane/client/vservice.h"

namespace vs::test {

// "192.0.2.1" or "2001:db8::1" with its TTL.
inline vs_dns_result_address address(const char* text, std::uint32_t ttl_s = 60) {
  vs_dns_result_address made{};
  made.family = std::strchr(text, ':') != nullptr ? AF_INET6 : AF_INET;
  made.ttl_s = ttl_s;
  inet_pton(made.family, text, made.bytes);
  return made;
}

inline std::string text_of(int family, const void* bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family, bytes, text, sizeof text);
  return text;
}

class Answer {
 public:
  Answer(vs_dns_result result, std::string canonical, std::vector<vs_dns_result_address> addresses,
         std::vector<std::string> names = {})
      : canonical_(std::move(canonical)),
        addresses_(std::move(addresses)),
        names_(std::move(names)) {
    for (const std::string& name : names_) name_pointers_.push_back(name.c_str());
    set_ = {.result = result,
            .canonical_name = canonical_.empty() ? nullptr : canonical_.c_str(),
            .address_count = addresses_.size(),
            .addresses = addresses_.data(),
            .name_count = name_pointers_.size(),
            .names = name_pointers_.data()};
  }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;

  [[nodiscard]] const vs_dns_result_set& set() const { return set_; }

  // The n addresses 10.0.0.0, 10.0.0.1, ... of a name "many.example".
  static std::vector<vs_dns_result_address> many(std::size_t count) {
    std::vector<vs_dns_result_address> made;
    for (std::uint32_t i = 0; i < count; ++i) {
      vs_dns_result_address one{.family = AF_INET, .ttl_s = 60};
      const std::uint32_t network = htonl(0x0a000000 + i);
      std::memcpy(one.bytes, &network, sizeof network);
      made.push_back(one);
    }
    return made;
  }

 private:
  std::string canonical_;
  std::vector<vs_dns_result_address> addresses_;
  std::vector<std::string> names_;
  std::vector<const char*> name_pointers_;
  vs_dns_result_set set_{};
};

}  // namespace vs::test
