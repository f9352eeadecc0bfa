// The content classes of a binding: their expressions, compiled once, and a meter for each.
//
// Owned by the loop's thread. Errors of make(): invalid, exhausted, with the class and the column.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dataplane/backend/class_meter.h"
#include "dataplane/control/terms.h"
#include "dataplane/filter/program.h"
#include "dataplane/filter/schema.h"
#include "dataplane/services/service.h"

namespace vs {

class RequestClasses {
 public:
  using TimePoint = ClassMeter::TimePoint;

  // nullptr: nothing was promised, and there are no classes.
  static Result<std::unique_ptr<RequestClasses>> make(std::string_view kind, const control::Terms& terms, TimePoint now);

  // Of the first class whose expression holds, or of all others. An expression that cannot be computed does not hold.
  ClassMeter& classify(Service& service, const Request& request);
  // Whether requests may be of different classes of the scheduler: then their order is to be looked at.
  [[nodiscard]] bool mixed() const { return mixed_; }
  [[nodiscard]] ClassMeter& others() { return meters_.back(); }
  [[nodiscard]] const std::vector<ClassMeter>& meters() const { return meters_; }
  [[nodiscard]] std::uint64_t errors() const { return errors_; }

 private:
  explicit RequestClasses(filter::Schema names) : names_(std::move(names)) {}

  filter::Schema names_;
  std::vector<filter::Program> programs_;
  std::vector<ClassMeter> meters_;  // of each, and of all others
  std::vector<filter::Value> values_;
  bool mixed_ = false;
  std::uint64_t errors_ = 0;
};

}  // namespace vs
