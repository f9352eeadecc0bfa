#include "dataplane/transport/xen/xenstore.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>

extern "C" {
#include <xenstore.h>
}

namespace vs {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};

tl::unexpected<Error> store_error(const std::string& doing) {
  switch (errno) {
    case ENOENT: return fail(ErrorCode::not_found, doing + ": no such node");
    case EACCES:
    case EPERM: return fail(ErrorCode::denied, doing + ": not allowed");
    case ENOSPC: return fail(ErrorCode::exhausted, doing + ": over the store's quota");
    case EPIPE:
    case EIO: return fail(ErrorCode::unavailable, doing + ": the store does not answer");
    default: return fail_errno(errno, doing);
  }
}

}  // namespace

std::optional<std::uint32_t> decimal(std::string_view text, std::uint32_t max) {
  std::uint32_t number = 0;
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

void Xenstore::Close::operator()(xs_handle* store) const { ::xs_close(store); }

Result<Xenstore> Xenstore::open() {
  xs_handle* store = ::xs_open(0);
  if (store == nullptr) return fail(ErrorCode::unavailable, "xenstore: not to be opened");
  return Xenstore(store);
}

Result<std::optional<std::string>> Xenstore::read(const std::string& path) const {
  unsigned bytes = 0;
  const std::unique_ptr<void, Free> value(::xs_read(store_.get(), XBT_NULL, path.c_str(), &bytes));
  if (!value && (errno == ENOENT || errno == EACCES)) return std::optional<std::string>{};
  if (!value) return store_error("xenstore: read " + path);
  return std::optional(std::string(static_cast<const char*>(value.get()), bytes));
}

Result<std::optional<std::uint32_t>> Xenstore::read_number(const std::string& path, std::uint32_t max) const {
  const auto text = read(path);
  if (!text) return fail(text.error());
  if (!*text) return std::optional<std::uint32_t>{};
  const auto number = decimal(**text, max);
  if (!number) return fail(ErrorCode::invalid, path + ": not a number up to " + std::to_string(max));
  return number;
}

Result<std::vector<std::string>> Xenstore::list(const std::string& path) const {
  unsigned count = 0;
  const std::unique_ptr<char*, Free> names(::xs_directory(store_.get(), XBT_NULL, path.c_str(), &count));
  if (!names && errno == ENOENT) return std::vector<std::string>{};
  if (!names) return store_error("xenstore: list " + path);
  return std::vector<std::string>(names.get(), names.get() + count);
}

Result<> Xenstore::write(const std::string& path, std::string_view value) {
  if (!::xs_write(store_.get(), XBT_NULL, path.c_str(), value.data(), static_cast<unsigned>(value.size())))
    return store_error("xenstore: write " + path);
  return {};
}

Result<> Xenstore::make(const std::string& path, std::uint32_t owner, std::uint32_t reader) {
  xs_permissions rights[2]{{.id = owner, .perms = XS_PERM_NONE}, {.id = reader, .perms = XS_PERM_READ}};
  if (!::xs_mkdir(store_.get(), XBT_NULL, path.c_str())) return store_error("xenstore: make " + path);
  if (!::xs_set_permissions(store_.get(), XBT_NULL, path.c_str(), rights, 2)) return store_error("xenstore: rights of " + path);
  return {};
}

Result<> Xenstore::remove(const std::string& path) {
  if (!::xs_rm(store_.get(), XBT_NULL, path.c_str()) && errno != ENOENT) return store_error("xenstore: remove " + path);
  return {};
}

Result<> Xenstore::remove_if(const std::string& path, const std::string& key, std::string_view value) {
  for (int tries = 0; tries < kXenstoreTriesMax; ++tries) {
    const xs_transaction_t transaction = ::xs_transaction_start(store_.get());
    if (transaction == XBT_NULL) return store_error("xenstore: remove " + path);
    unsigned bytes = 0;
    const std::unique_ptr<void, Free> now(::xs_read(store_.get(), transaction, (path + "/" + key).c_str(), &bytes));
    const bool same = now && std::string_view(static_cast<const char*>(now.get()), bytes) == value;
    const bool removed = same && ::xs_rm(store_.get(), transaction, path.c_str());
    if (::xs_transaction_end(store_.get(), transaction, !removed)) return {};
    if (errno != EAGAIN) return store_error("xenstore: remove " + path);
  }
  return fail(ErrorCode::exhausted, "xenstore: remove " + path + ": others write it all the time");
}

bool Xenstore::domain_lives(std::uint32_t domid) const { return ::xs_is_domain_introduced(store_.get(), domid); }

Result<> Xenstore::watch(const std::string& path, const std::string& token) {
  if (!::xs_watch(store_.get(), path.c_str(), token.c_str())) return store_error("xenstore: watch " + path);
  return {};
}

void Xenstore::unwatch(const std::string& path, const std::string& token) {
  ::xs_unwatch(store_.get(), path.c_str(), token.c_str());
}

int Xenstore::fd() const { return ::xs_fileno(store_.get()); }

std::optional<Xenstore::Event> Xenstore::next_event() {
  const std::unique_ptr<char*, Free> event(::xs_check_watch(store_.get()));
  if (!event) return std::nullopt;
  return Event{event.get()[XS_WATCH_PATH], event.get()[XS_WATCH_TOKEN]};
}

}  // namespace vs
