#include "dataplane/files/dns_file.h"

#include <arpa/inet.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "dataplane/abi/dns.h"

namespace vs::files {
namespace {

inline constexpr int kLookupTimeoutMs = 15'000;  // the service has its own, which is told before

struct FreeSet {
  void operator()(vs_dns_result_set* set) const { vs_dns_free(set); }
};

std::string lines_of(const vs_dns_result_set& set) {
  std::string lines;
  for (std::size_t i = 0; i < set.address_count; ++i) {
    char text[INET6_ADDRSTRLEN];
    if (::inet_ntop(set.addresses[i].family, set.addresses[i].bytes, text, sizeof text) != nullptr) (lines += text) += '\n';
  }
  for (std::size_t i = 0; i < set.name_count; ++i) (lines += set.names[i]) += '\n';
  return lines;
}

// 0 with the lines, or an errno. Blocks.
int look_up(Devices& devices, const Question& question, std::string& lines) {
  Devices::Device device;
  if (const int status = devices.take(device); status != 0) return -status;
  vs_dns_result_set* answer = nullptr;
  const int status =
      question.name.empty()
          ? ::vs_dns_resolve_address(device.get(), question.address.data(), question.family, kLookupTimeoutMs, &answer)
          : ::vs_dns_resolve(device.get(), question.name.c_str(), AF_UNSPEC, kLookupTimeoutMs, &answer);
  const std::unique_ptr<vs_dns_result_set, FreeSet> owned(answer);
  if (status == 0) lines = lines_of(*answer);
  const int error = status != 0 ? -status : answer->result == VS_DNS_TRY_AGAIN ? EAGAIN : 0;
  if (status != -EPROTO) devices.put_back(std::move(device));  // one that is disabled is of no use any more
  return error == EAGAIN ? ETIMEDOUT : error;                  // to a file's reader, try again is what non-blocking files say
}

class OpenDnsFile final : public OpenFile {
 public:
  explicit OpenDnsFile(DnsFile& file) : file_(file) {}

  int write(std::string_view bytes) override {
    auto question = parse_question(bytes);
    if (!question) return question.error();
    auto lookup = file_.ask(std::move(*question));
    if (!lookup) return lookup.error();
    lookup_ = std::move(*lookup);
    base_.reset();
    return 0;
  }

  void read(std::uint64_t offset, std::size_t bytes_max, Answer answer) override {
    if (lookup_ == nullptr) lookup_ = file_.last();
    if (lookup_ == nullptr) return answer(0, {});  // nobody asked anything
    if (!base_ || offset < *base_) base_ = offset;
    const auto give = [lookup = lookup_, from = offset - *base_, bytes_max, answer = std::move(answer)] {
      if (lookup->error != 0) return answer(lookup->error, {});
      answer(0, slice(lookup->lines, from, bytes_max));
    };
    if (lookup_->done) return give();
    lookup_->readers.push_back([give, here = std::weak_ptr(alive_)] {
      if (!here.expired()) give();
    });
  }

 private:
  DnsFile& file_;
  std::shared_ptr<DnsFile::Lookup> lookup_;
  std::optional<std::uint64_t> base_ = 0;  // where the answer begins; of a new one, where it is read first
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

DnsFile::DnsFile(std::string name, std::shared_ptr<Devices> devices, Workers& workers, EventLoop& loop)
    : File(std::move(name), true), devices_(std::move(devices)), workers_(workers), loop_(loop) {}

std::unique_ptr<OpenFile> DnsFile::open() { return std::make_unique<OpenDnsFile>(*this); }

tl::expected<std::shared_ptr<DnsFile::Lookup>, int> DnsFile::ask(Question question) {
  if (*under_way_ >= kLookupsMax) return tl::unexpected(EAGAIN);
  auto lookup = std::make_shared<Lookup>();
  const bool runs = workers_.run([&loop = loop_, devices = devices_, question = std::move(question), lookup, under_way = under_way_] {
    std::string lines;
    const int error = look_up(*devices, question, lines);
    loop.post([lookup, under_way, error, lines = std::move(lines)]() mutable {
      --*under_way;
      lookup->error = error;
      lookup->lines = std::move(lines);
      lookup->done = true;
      for (const auto& reader : std::exchange(lookup->readers, {})) reader();
    });
  });
  if (!runs) return tl::unexpected(EAGAIN);
  ++*under_way_;
  last_ = lookup;
  return lookup;
}

}  // namespace vs::files
