#include "dataplane/transport/local/local_transport.h"

#include <sys/stat.h>

#include <cerrno>

#include "dataplane/transport/local/local_entrance.h"

namespace vs {
namespace {

// Names become paths. vsmgrd checked them; what goes into a path is checked where it does.
bool safe_in_path(const std::string& name) {
  return !name.empty() && name.size() <= 63 && name.find('/') == std::string::npos && name.front() != '.';
}

}  // namespace

Result<std::unique_ptr<Entrance>> LocalTransport::open(EventLoop& loop, const Device& device, Entrance::Callbacks callbacks) {
  if (!safe_in_path(device.domain) || !safe_in_path(device.name)) return fail(ErrorCode::invalid, "a name that cannot be a path");
  const auto home = directory_ / device.domain;
  if (::mkdir(home.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno(errno, "make " + home.string());
  ::chmod(home.c_str(), 0755);  // whatever the umask: the guest is another user
  auto entrance = LocalEntrance::open(loop, home / device.name, std::move(callbacks));
  if (!entrance) return fail(std::move(entrance.error()));
  return std::unique_ptr<Entrance>(std::move(*entrance));
}

}  // namespace vs
