#include "dataplane/services/dns/ares_channel.h"

#include <ares.h>
#include <sys/time.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace vs::dns {
namespace {

inline constexpr int kEdnsPayloadBytes = 1232;  // DNS flag day 2020: no fragments on the way

// c-ares is initialised once and never torn down: the process ends with it.
int library_status() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  return status;
}

QueryResult::Status status_of(int ares_status) {
  using Status = QueryResult::Status;
  switch (ares_status) {
    case ARES_SUCCESS: case ARES_ENOTFOUND: case ARES_ENODATA: return Status::answered;
    case ARES_ETIMEOUT: return Status::timed_out;
    case ARES_ECONNREFUSED: return Status::refused;
    case ARES_EDESTRUCTION: case ARES_ECANCELLED: return Status::cancelled;
    default: return Status::failed;  // SERVFAIL, REFUSED, FORMERR, malformed answers, out of memory
  }
}

}  // namespace

struct AresChannel::Query {
  AresChannel& channel;
  std::string name;
  RecordType type;
  QueryCallback callback;
};

Result<std::unique_ptr<AresChannel>> AresChannel::open(EventLoop& loop, const std::string& nameservers,
                                                       std::chrono::milliseconds timeout) {
  if (library_status() != ARES_SUCCESS) return fail(ErrorCode::internal, "c-ares: cannot initialise");
  std::unique_ptr<AresChannel> opened(new AresChannel(loop));
  char lookups[] = "b";  // DNS only: the node's /etc/hosts is the node's business
  ares_options options{};
  // STAYOPEN: else c-ares closes its sockets whenever nothing is in flight, and each lookup of a quiet guest opens them again.
  // Fresh source ports come with fresh channels (kQueriesPerChannelMax).
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS | ARES_FLAG_STAYOPEN;
  // A SERVFAIL of one of several nameservers has the next one asked, and of all of them shows as if none were there. Of a single one it is
  // seen as what it is.
  if (!nameservers.empty() && nameservers.find(',') == std::string::npos) options.flags |= ARES_FLAG_NOCHECKRESP;
  options.timeout = static_cast<int>(timeout.count());
  options.tries = 1;
  options.ednspsz = kEdnsPayloadBytes;
  options.lookups = lookups;
  options.sock_state_cb_data = opened.get();
  options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
    static_cast<AresChannel*>(self)->watch(fd, readable != 0, writable != 0);
  };
  const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS |
                   ARES_OPT_SOCK_STATE_CB;
  if (const int status = ares_init_options(&opened->channel_, &options, mask); status != ARES_SUCCESS)
    return fail(ErrorCode::internal, std::string("c-ares: ") + ares_strerror(status));
  if (!nameservers.empty()) {
    const int status = ares_set_servers_ports_csv(opened->channel_, nameservers.c_str());
    if (status != ARES_SUCCESS)
      return fail(ErrorCode::invalid, "nameservers \"" + nameservers + "\": " + ares_strerror(status));
  }
  return opened;
}

AresChannel::~AresChannel() {
  if (channel_ != nullptr) ares_destroy(channel_);  // ends every query with EDESTRUCTION, closes and unwatches every socket
  if (timer_armed_) loop_.cancel(timer_);
  VS_CHECK(in_flight_ == 0 && watched_.empty());
}

void AresChannel::query(const std::string& name, RecordType type, QueryCallback callback) {
  ++asked_;
  ++in_flight_;
  auto* query = new Query{*this, name, type, std::move(callback)};
  ares_query(
      channel_, query->name.c_str(), kClassInternet, static_cast<int>(type),
      [](void* argument, int status, int, unsigned char* packet, int bytes) {
        const std::unique_ptr<Query> ended(static_cast<Query*>(argument));
        QueryResult result{.status = status_of(status), .answer = {}};
        if (packet != nullptr && bytes > 0) {
          auto answer = read_answer({packet, static_cast<std::size_t>(bytes)}, ended->name, ended->type);
          if (answer) result.answer = std::move(*answer);
          if (!answer || result.answer.server_failed) result.status = QueryResult::Status::failed;
        } else if (result.status == QueryResult::Status::answered) {
          result.status = QueryResult::Status::failed;
        }
        ended->channel.ended(std::move(ended->callback), std::move(result));
      },
      query);
  arm_timer();
}

void AresChannel::ended(QueryCallback callback, QueryResult result) {
  --in_flight_;
  callback(std::move(result));
}

void AresChannel::watch(int fd, bool readable, bool writable) {
  const std::uint32_t events = (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
  const auto known = std::find(watched_.begin(), watched_.end(), fd);
  if (events == 0) {
    loop_.unwatch(fd);
    if (known != watched_.end()) watched_.erase(known);
  } else if (known != watched_.end()) {
    loop_.rewatch(fd, events);
  } else if (loop_.watch(fd, events, [this, fd](std::uint32_t ready) {
               process((ready & ~std::uint32_t{EPOLLOUT}) != 0 ? fd : ARES_SOCKET_BAD,
                       (ready & EPOLLOUT) != 0 ? fd : ARES_SOCKET_BAD);
             })) {
    watched_.push_back(fd);
  }  // out of watches: the query runs into its time-out
}

void AresChannel::process(int read_fd, int write_fd) {
  ares_process_fd(channel_, read_fd, write_fd);
}

// c-ares looks at its time-outs when it is called. The earliest only moves back while queries end, so a timer that is set
// fires early at worst, looks, and is set again.
void AresChannel::arm_timer() {
  if (timer_armed_ || in_flight_ == 0) return;
  timeval buffer{};
  const timeval* wait = ares_timeout(channel_, nullptr, &buffer);
  if (wait == nullptr) return;
  timer_armed_ = true;
  timer_ = loop_.after(std::chrono::seconds(wait->tv_sec) + std::chrono::microseconds(wait->tv_usec), [this] {
    timer_armed_ = false;
    process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm_timer();
  });
}

}  // namespace vs::dns
