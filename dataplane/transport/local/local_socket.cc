#include "dataplane/transport/local/local_socket.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "dataplane/abi/region.h"

namespace vs {
namespace {

inline constexpr int kConnectionsWaitingMax = 128;
// Text in a field that is filled up with zeros.
template <std::size_t size>
std::string padded_text(const std::uint8_t (&field)[size]) {
  const char* text = reinterpret_cast<const char*>(field);
  return {text, ::strnlen(text, size)};
}

inline constexpr mode_t kSocketMode = 0666;  // whoever can reach it is the guest: its directory is the guest's own

// A name beside `path` that nobody else uses: several nodes may keep their sockets in one directory. It has the device's name in it, if
// there is room for that.
std::filesystem::path name_beside(const std::filesystem::path& path) {
  std::uint32_t number = 0;
  VS_CHECK(::getrandom(&number, sizeof number, 0) == sizeof number);
  char end[sizeof ".01234567"];
  std::snprintf(end, sizeof end, ".%08x", number);
  const auto name = path.parent_path() / ("." + path.filename().string() + end);
  return name.native().size() < sizeof(sockaddr_un::sun_path) ? name : path.parent_path() / end;
}

Result<> bind_to(int socket, const std::filesystem::path& path) {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (path.native().size() >= sizeof address.sun_path) return fail(ErrorCode::invalid, "path too long");
  std::memcpy(address.sun_path, path.c_str(), path.native().size() + 1);
  if (::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return fail_errno(errno, "bind");
  return {};
}

bool is_file(const std::filesystem::path& path, const LocalListener::File& file) {
  struct stat found{};
  return ::lstat(path.c_str(), &found) == 0 && found.st_dev == file.device && found.st_ino == file.inode;
}

}  // namespace

Result<LocalListener> LocalListener::open(const std::filesystem::path& path, int socket_type) {
  if (path.native().size() >= sizeof(sockaddr_un::sun_path))
    return fail(ErrorCode::invalid, "device socket " + path.string() + ": path too long");
  UniqueFd socket(::socket(AF_UNIX, socket_type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno(errno, "device socket");
  const std::filesystem::path fresh = name_beside(path);
  if (auto bound = bind_to(socket.get(), fresh); !bound)
    return fail(std::move(bound.error()).within("device socket " + path.string()));
  struct stat made{};
  if (::chmod(fresh.c_str(), kSocketMode) != 0 || ::listen(socket.get(), kConnectionsWaitingMax) != 0 ||
      ::lstat(fresh.c_str(), &made) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0) {
    const int saved = errno;
    ::unlink(fresh.c_str());
    return fail_errno(saved, "device socket " + path.string());
  }
  return LocalListener(std::move(socket), path, {made.st_dev, made.st_ino});
}

LocalListener::~LocalListener() {
  if (!socket_ || leaves_path_ || !is_file(path_, file_)) return;
  // Somebody may put his own there between the look and now: what is taken away is looked at once more, and put back if it is his. Our
  // file has its number as long as our socket is open.
  const std::filesystem::path aside = name_beside(path_);
  if (::rename(path_.c_str(), aside.c_str()) != 0) return;
  if (!is_file(aside, file_) && ::renameat2(AT_FDCWD, aside.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) return;
  ::unlink(aside.c_str());
}

Result<std::optional<UniqueFd>> LocalListener::accept() {
  UniqueFd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (connection) return std::optional<UniqueFd>(std::move(connection));
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return std::optional<UniqueFd>{};
  return fail_errno(errno, "accept");
}

Result<std::optional<Hello>> receive_hello(int socket, vs_refusal& reason) {
  reason = VS_REFUSAL_PROTOCOL;
  vs_local_hello hello{};
  const ssize_t received = ::recv(socket, &hello, sizeof hello, MSG_DONTWAIT | MSG_TRUNC);
  if (received < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<Hello>{};
  if (received <= 0) return fail(ErrorCode::unavailable, "hello: the frontend is gone");
  if (received != sizeof hello && received != VS_LOCAL_HELLO_BYTES_MIN)
    return fail(ErrorCode::invalid, "hello: " + std::to_string(received) + " bytes");
  if (hello.magic != VS_LOCAL_MAGIC) return fail(ErrorCode::invalid, "hello: wrong magic");
  if (hello.major != VS_REGION_MAJOR) {
    reason = VS_REFUSAL_VERSION;
    return fail(ErrorCode::invalid, "hello: major version " + std::to_string(hello.major) + ", this is " +
                                        std::to_string(VS_REGION_MAJOR));
  }
  if ((hello.features & ~std::uint64_t{VS_REGION_FEATURES}) != 0) {
    reason = VS_REFUSAL_FEATURES;
    return fail(ErrorCode::invalid, "hello: features that are not known");
  }
  reason = VS_REFUSAL_NONE;
  return std::optional<Hello>{
      Hello{.generation = hello.generation,
            .takes_pool = (hello.takes & VS_LOCAL_TAKES_POOL) != 0,
            .takes_broadcast = (hello.takes & VS_LOCAL_TAKES_BROADCAST) != 0,
            .takes_answers = (hello.takes & VS_LOCAL_TAKES_ANSWERS) != 0,
            .takes_renewal = (hello.takes & VS_LOCAL_TAKES_RENEWAL) != 0,
            .ticket = hello.ticket,
            .service = padded_text(hello.service),
            .device = padded_text(hello.device)}};
}

Result<> send_welcome(int socket, std::uint32_t region_bytes, const LocalGifts& gifts) {
  vs_local_welcome welcome{.magic = VS_LOCAL_MAGIC, .status = VS_STATUS_OK, .region_bytes = region_bytes};
  int descriptors[] = {gifts.memory, gifts.bell_of_frontend, gifts.bell_of_backend, gifts.shared.pool, gifts.shared.broadcast, -1};
  std::size_t count = gifts.shared.pool < 0 ? 3 : gifts.shared.broadcast < 0 ? 4 : 5;
  if (gifts.shared.answers >= 0) {
    descriptors[count++] = gifts.shared.answers;
    welcome.reason = VS_LOCAL_GIVES_ANSWERS;
  }
  const std::size_t descriptors_bytes = count * sizeof(int);
  alignas(cmsghdr) unsigned char control[CMSG_SPACE(sizeof descriptors)]{};
  iovec part{.iov_base = &welcome, .iov_len = sizeof welcome};
  msghdr message{
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(descriptors_bytes)};
  cmsghdr* item = CMSG_FIRSTHDR(&message);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN(descriptors_bytes);
  std::memcpy(CMSG_DATA(item), descriptors, descriptors_bytes);
  if (::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof welcome) return fail_errno(errno, "welcome");
  return {};
}

Result<> send_refusal(int socket, vs_status status, vs_refusal reason) {
  const vs_local_welcome welcome{
      .magic = VS_LOCAL_MAGIC, .status = static_cast<std::uint32_t>(status), .reason = static_cast<std::uint32_t>(reason)};
  if (::send(socket, &welcome, sizeof welcome, MSG_DONTWAIT | MSG_NOSIGNAL) != sizeof welcome)
    return fail_errno(errno, "refusal");
  return {};
}

}  // namespace vs
