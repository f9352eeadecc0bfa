#include "dataplane/backend/request_classes.h"

#include <algorithm>
#include <string>
#include <utility>

#include "dataplane/filter/compile.h"
#include "dataplane/filter/request_schema.h"

namespace vs {

Result<std::unique_ptr<RequestClasses>> RequestClasses::make(std::string_view kind, const control::Terms& terms, TimePoint now) {
  if (terms.content_classes.empty() && terms.promise == control::Promise{} && terms.guarantee == control::Guarantee::burstable)
    return std::unique_ptr<RequestClasses>();
  std::unique_ptr<RequestClasses> classes(new RequestClasses(filter::request_names(kind)));
  const control::Priority rank = control::rank_of(terms.guarantee, terms.priority);
  for (const control::ContentClass& one : terms.content_classes) {
    auto program = filter::compile(one.when, classes->names_);
    if (!program) return fail(std::move(program.error()).within("content class " + one.name));
    classes->programs_.push_back(std::move(*program));
    const control::Priority own = control::rank_of(terms.guarantee, one.priority);
    classes->mixed_ = classes->mixed_ || own != rank;
    classes->meters_.emplace_back(one.name, own, one.promise, now);
  }
  classes->meters_.emplace_back(std::string(kOtherRequests), rank, terms.promise, now);
  classes->values_.resize(classes->names_.slots());
  return classes;
}

ClassMeter& RequestClasses::classify(Service& service, const Request& request) {
  if (programs_.empty()) return meters_.back();
  std::fill(values_.begin(), values_.end(), filter::Value());
  service.read_attributes(request, names_.names(), values_);
  for (std::size_t i = 0; i < programs_.size(); ++i) {
    const filter::Verdict verdict = programs_[i].evaluate(values_);
    if (verdict == filter::Verdict::yes) return meters_[i];
    if (verdict == filter::Verdict::error) ++errors_;
  }
  return meters_.back();
}

}  // namespace vs
