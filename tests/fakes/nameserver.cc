#include "tests/fakes/nameserver.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "base/check.h"

namespace vs::test {
namespace {

constexpr std::uint16_t kA = 1;
constexpr std::uint16_t kPtr = 12;
constexpr std::uint16_t kAaaa = 28;
constexpr std::uint16_t kCname = 5;
constexpr std::size_t kUdpBytesMax = 512;
enum Rcode : std::uint8_t { kNoError = 0, kFormErr = 1, kServFail = 2, kNxDomain = 3, kRefused = 5 };

// Writes one DNS message (RFC 1035 4.1).
class Message {
 public:
  Message(const std::uint8_t* query, std::size_t question_end) : bytes_(query, query + question_end) {
    bytes_[2] = 0x85;  // answer, authoritative, recursion as asked
    bytes_[3] = 0x80;
    std::memset(&bytes_[6], 0, 6);
  }
  void rcode(Rcode code) { bytes_[3] = static_cast<std::uint8_t>((bytes_[3] & 0xf0) | code); }
  void truncated() { bytes_[2] |= 0x02; }
  void record(const std::vector<std::uint8_t>& name, std::uint16_t type, const std::vector<std::uint8_t>& data) {
    append(name);
    number(type);
    number(1);
    number(0);
    number(60);
    number(static_cast<std::uint16_t>(data.size()));
    append(data);
    ++bytes_[7];
    if (bytes_[7] == 0) ++bytes_[6];
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  void number(std::uint16_t value) {
    bytes_.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes_.push_back(static_cast<std::uint8_t>(value));
  }
  void append(const std::vector<std::uint8_t>& from) { bytes_.insert(bytes_.end(), from.begin(), from.end()); }

  std::vector<std::uint8_t> bytes_;
};

std::vector<std::uint8_t> encoded(const std::string& name) {
  std::vector<std::uint8_t> bytes;
  std::size_t at = 0;
  while (at < name.size()) {
    const std::size_t dot = std::min(name.find('.', at), name.size());
    bytes.push_back(static_cast<std::uint8_t>(dot - at));
    bytes.insert(bytes.end(), name.begin() + static_cast<long>(at), name.begin() + static_cast<long>(dot));
    at = dot + 1;
  }
  bytes.push_back(0);
  return bytes;
}

const std::vector<std::uint8_t> kQuestionName{0xc0, 12};  // compression: the name in the question

std::vector<std::uint8_t> address_data(std::uint16_t type, int number) {
  if (type == kA)
    return {10, static_cast<std::uint8_t>(1 + number / 65536), static_cast<std::uint8_t>(2 + number / 256),
            static_cast<std::uint8_t>(3 + number)};
  std::vector<std::uint8_t> data(16);
  data[0] = 0xfd;
  data[14] = static_cast<std::uint8_t>(number / 256);
  data[15] = static_cast<std::uint8_t>(3 + number);
  return data;
}

UniqueFd bound(int type, std::uint16_t& port) {
  UniqueFd fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const int yes = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return UniqueFd();
  socklen_t size = sizeof address;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

}  // namespace

Nameserver::Nameserver() : stop_(::eventfd(0, EFD_CLOEXEC)) {
  while (!udp_ || !tcp_) {  // a port that is free for both
    port_ = 0;
    udp_ = bound(SOCK_DGRAM, port_);
    tcp_ = bound(SOCK_STREAM, port_);
  }
  VS_CHECK(::listen(tcp_.get(), 16) == 0);
  thread_ = std::thread([this] { run(); });
}

Nameserver::~Nameserver() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

std::size_t Nameserver::source_ports() const {
  return ports_.with([](const auto& ports) { return ports.size(); });
}

void Nameserver::run() {
  std::array<pollfd, 3> fds{{{stop_.get(), POLLIN, 0}, {udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}}};
  while (true) {
    ::poll(fds.data(), fds.size(), -1);
    if (fds[0].revents != 0) return;
    if (fds[1].revents != 0) on_udp();
    if (fds[2].revents != 0) on_tcp();
  }
}

void Nameserver::on_udp() {
  std::array<std::uint8_t, 1500> query;
  sockaddr_in from{};
  socklen_t size = sizeof from;
  const ssize_t bytes = ::recvfrom(udp_.get(), query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
  if (bytes < 12) return;
  ports_.with([&](auto& ports) { ++ports[from.sin_port]; });
  const auto reply = answer(query.data(), static_cast<std::size_t>(bytes), false);
  if (!reply.empty()) ::sendto(udp_.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
}

// One query a connection is enough for a resolver that came here because of a truncated answer.
void Nameserver::on_tcp() {
  const UniqueFd connection(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  std::array<std::uint8_t, 1500> query;
  const ssize_t bytes = ::recv(connection.get(), query.data(), query.size(), 0);
  if (bytes < 14) return;
  const auto reply = answer(query.data() + 2, static_cast<std::size_t>(bytes) - 2, true);
  if (reply.empty()) return;
  const std::array<std::uint8_t, 2> length{static_cast<std::uint8_t>(reply.size() >> 8),
                                           static_cast<std::uint8_t>(reply.size())};
  ::send(connection.get(), length.data(), length.size(), MSG_NOSIGNAL | MSG_MORE);
  ::send(connection.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
}

std::vector<std::uint8_t> Nameserver::answer(const std::uint8_t* query, std::size_t bytes, bool tcp) {
  ++queries_;
  std::string name;
  std::size_t at = 12;
  while (at < bytes && query[at] != 0) {
    if (!name.empty()) name += '.';
    name.append(reinterpret_cast<const char*>(query) + at + 1, query[at]);
    at += query[at] + 1u;
  }
  const auto type = static_cast<std::uint16_t>(query[at + 1] << 8 | query[at + 2]);
  Message message(query, at + 5);
  const std::string first = name.substr(0, name.find('.'));
  const std::string rest = name.substr(std::min(first.size() + 1, name.size()));
  const bool address = type == kA || type == kAaaa;
  const auto one = [&] { message.record(kQuestionName, type, address_data(type, 0)); };

  if (type == kPtr) {
    if (name == "3.2.1.10.in-addr.arpa")
      message.record(kQuestionName, kPtr, encoded("host.test"));
    else
      message.rcode(kNxDomain);
  } else if (first == "silent" || (first == "slow4" && type == kA)) {
    return {};
  } else if (first == "garbage") {
    return {query[0], query[1], 0x85, 0x80, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xc0, 0x0c};
  } else if (first == "nx") {
    message.rcode(kNxDomain);
  } else if (first == "servfail") {
    message.rcode(kServFail);
  } else if (first == "formerr") {
    message.rcode(kFormErr);
  } else if (first == "refused") {
    message.rcode(kRefused);
  } else if (first == "truncated") {
    if (tcp) return {};
    message.truncated();
  } else if (first == "alias" && address) {
    message.record(kQuestionName, kCname, encoded("host." + rest));
    message.record(encoded("host." + rest), type, address_data(type, 0));
  } else if (first.starts_with("flaky-")) {
    if (asked_[name + (type == kA ? "/4" : "/6")]++ < std::stoi(first.substr(6))) return {};
    one();
  } else if (first.starts_with("many-") && address) {
    const int count = std::stoi(first.substr(5));
    for (int i = 0; i < count; ++i) message.record(kQuestionName, type, address_data(type, i));
    if (!tcp && message.size() > kUdpBytesMax) {
      message = Message(query, at + 5);
      message.truncated();
    }
  } else if ((first == "v4only" && type == kAaaa) || (first == "v6only" && type == kA) || !address) {
    // no data: an answer without records
  } else {
    one();
  }
  return message.take();
}

}  // namespace vs::test
