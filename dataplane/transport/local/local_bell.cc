#include "dataplane/transport/local/local_bell.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>

#include "dataplane/abi/local.h"

namespace vs {

Result<LocalBell> LocalBell::make() {
  UniqueFd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE));
  if (!fd) return fail_errno(errno, "doorbell");
  const std::uint64_t full = VS_LOCAL_BELL_FULL;
  if (::write(fd.get(), &full, sizeof full) != sizeof full) return fail_errno(errno, "fill doorbell");
  return LocalBell(std::move(fd));
}

void LocalBell::ring() const {
  std::uint64_t one;
  [[maybe_unused]] const auto taken = ::read(fd_.get(), &one, sizeof one);  // there always is one
}

}  // namespace vs
