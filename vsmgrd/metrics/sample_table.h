// The samples of all sources, kept so that together they make a valid exposition.
//
// A source's samples are replaced as a whole. Samples of one name from several sources are one
// family. Refused are samples that are not acceptable(), of a name that is reserved or that another
// source uses otherwise, of a series that is there already, and those beyond kSamplesMax.
// Thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include "base/guarded.h"
#include "base/sample.h"

namespace vs {

inline constexpr std::size_t kSamplesMax = 100'000;  // per source

class SampleTable final : public prometheus::Collectable {
 public:
  explicit SampleTable(std::set<std::string> reserved_names)
      : reserved_(std::move(reserved_names)) {}

  // Returns how many were refused.
  std::size_t replace(const std::string& source, std::vector<Sample> samples);

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  using Use = std::pair<std::string, Sample::Type>;  // the family a name belongs to, and its type
  struct Source {
    std::vector<Sample> samples;
    std::unordered_set<std::string> series;
    std::map<std::string, Use> uses;  // by each name that stands before a value
  };
  using Sources = std::map<std::string, Source>;

  [[nodiscard]] bool fits(const Sources& sources, const Sample& sample,
                          const std::string& series) const;

  const std::set<std::string> reserved_;
  Guarded<Sources> sources_;
};

}  // namespace vs
