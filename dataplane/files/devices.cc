#include "dataplane/files/devices.h"

#include <utility>

namespace vs::files {

int Devices::take(Device& device) {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      device = std::move(idle_.back());
      idle_.pop_back();
      return 0;
    }
  }
  vs_device* opened = nullptr;
  const int status = ::vs_open_in(home_.c_str(), name_.c_str(), kind_.c_str(), kOpenTimeoutMs, &opened);
  device.reset(opened);
  return status;
}

void Devices::put_back(Device device) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(device));
}

}  // namespace vs::files
