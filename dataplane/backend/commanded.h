// What vsmgrd commands over the control socket: whatever serves a kind. Answers come by callbacks, on the control loop, now or later.
//
// Owned by the thread of the control loop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/sample.h"
#include "dataplane/control/messages.h"

namespace vs {

class Commanded {
 public:
  virtual ~Commanded() = default;

  [[nodiscard]] virtual std::uint64_t config_number() const = 0;  // the last one served; 0: none
  virtual void configure(const control::Configure& configure, std::function<void(control::Applied)> done) = 0;
  virtual void report(std::function<void(std::vector<Sample>)> done) = 0;
  // Null when the binding is not known.
  virtual void describe(const std::string& binding, std::function<void(nlohmann::json)> done) = 0;
  // Where its loops and its guests run, once the loops run where they should (control::Located, without its number).
  virtual void locate(std::function<void(control::Located)> done) = 0;
  // How many entries were forgotten.
  virtual void flush(const control::Flush& what, std::function<void(std::uint64_t)> done) = 0;
  // Frozen, Thawed: without their number. Why it is not staged; empty: it is.
  virtual void freeze(const control::Freeze& freeze, std::function<void(control::Frozen)> done) = 0;
  virtual void thaw(const control::Thaw& thaw, std::function<void(control::Thawed)> done) = 0;
  virtual void stage(const control::Stage& stage, std::function<void(std::string)> done) = 0;
  virtual void take_refusals(std::function<void(std::vector<control::Refused>)> done) = 0;
  // Calls `done` when all that serves has run.
  virtual void ping(std::function<void()> done) = 0;
  // Called after a policy refused an open; once until take_refusals().
  virtual void on_refusal(std::function<void()> callback) = 0;
};

}  // namespace vs
