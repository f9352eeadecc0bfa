// How a derived channel comes by its events: from which channels, which of their events, and by which chain of operators.
//
// Time is told, never asked for. Owned by one thread. Errors: invalid, in words with the column.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dataplane/filter/program.h"
#include "dataplane/services/pubsub/operator.h"

namespace vs::pubsub {

struct DerivationTerms {
  std::string source;     // a channel's name, or a pattern
  std::string filter;     // empty: everything
  std::string operators;  // dataplane/filter/chain.h; empty: as they are
  std::function<bool(std::string_view)> allowed = {};  // which of the pattern's channels, asked whenever one joins; empty: all
};

class Derivation {
 public:
  using TimePoint = Event::TimePoint;

  static Result<std::unique_ptr<Derivation>> make(DerivationTerms terms);

  [[nodiscard]] const DerivationTerms& terms() const { return terms_; }
  [[nodiscard]] bool wants(std::string_view channel) const;
  // Whether filter and operators fit that schema.
  [[nodiscard]] Result<> judge(const filter::EventSchema& source) const;

  std::unique_ptr<filter::Program> program;  // of the filter; nullptr: everything

  // Takes an event that the filter lets through; appends what comes of it now.
  void feed(const std::shared_ptr<const Event>& event, TimePoint now, std::vector<Draft>& made);
  // When something will come by itself, and, then, what: at most `most`.
  [[nodiscard]] std::optional<TimePoint> due() const;
  void run_due(TimePoint now, std::size_t most, std::vector<Draft>& made);

  [[nodiscard]] Operator::Counts counts() const;
  std::uint64_t errors = 0;  // of the filter, and events that could not be made

 private:
  explicit Derivation(DerivationTerms terms) : terms_(std::move(terms)) {}
  void pass(std::size_t from, Draft draft, TimePoint now, std::vector<Draft>& made);

  DerivationTerms terms_;
  bool wild_ = false;
  std::vector<filter::OperatorTerms> chain_;
  std::vector<Operator> operators_;
};

}  // namespace vs::pubsub
