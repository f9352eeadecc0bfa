// A hypervisor that has the guests it is given. For one thread.
#pragma once

#include <string>
#include <vector>

#include "vsmgrd/hypervisor/hypervisor.h"

namespace vs::test {

class FakeHypervisor : public Hypervisor {
 public:
  std::vector<Guest> guests() const override { return here; }
  std::string trouble() const override { return why_not; }

  std::vector<Guest> here;
  std::string why_not;
};

}  // namespace vs::test
