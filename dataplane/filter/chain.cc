#include "dataplane/filter/chain.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "dataplane/filter/syntax.h"
#include "dataplane/filter/words.h"

namespace vs::filter {
namespace {

struct KindName {
  std::string_view name;
  OperatorKind kind;
};
constexpr KindName kKinds[]{{"project", OperatorKind::project},   {"sample", OperatorKind::sample},
                            {"throttle", OperatorKind::throttle}, {"debounce", OperatorKind::debounce},
                            {"window", OperatorKind::window},     {"onchange", OperatorKind::on_change}};

constexpr std::pair<std::string_view, Aggregate::Function> kFunctions[]{
    {"avg", Aggregate::Function::avg}, {"min", Aggregate::Function::min}, {"max", Aggregate::Function::max}};

struct Amount {
  std::uint64_t count = 0;
  std::chrono::milliseconds time{};
};

// "10", "250ms", "10s", "5m".
Result<Amount> amount_of(const DeclaredWord& word, bool counts, bool times) {
  std::uint64_t number = 0;
  const char* end = word.text.data() + word.text.size();
  const auto parsed = std::from_chars(word.text.data(), end, number);
  const std::string_view unit = word.text.substr(static_cast<std::size_t>(parsed.ptr - word.text.data()));
  const std::string wanted = counts && times ? "a number or a time" : counts ? "a number" : "a time";
  const std::uint64_t scale = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 0;
  if (parsed.ec != std::errc() || (unit.empty() ? !counts : !times || scale == 0))
    return fail_at(word.column, wanted + (times ? " (250ms, 10s, 5m)" : "") + " belongs here");
  if (unit.empty()) {
    if (number == 0 || number > kOperatorCountMax) return fail_at(word.column, "1 to " + std::to_string(kOperatorCountMax));
    return Amount{.count = number, .time = {}};
  }
  const auto most = static_cast<std::uint64_t>(kOperatorTimeMax.count());
  if (number == 0 || number > most / scale) return fail_at(word.column, "1ms to " + std::to_string(most / 60'000) + "m");
  return Amount{.count = 0, .time = std::chrono::milliseconds(number * scale)};
}

Result<Field> field_of(const DeclaredWord& word, bool attributes_only) {
  if (!attributes_only && word.is("payload")) return Field{.of = Field::Of::payload, .name = {}, .column = word.column};
  if (!attributes_only && word.is("key")) return Field{.of = Field::Of::key, .name = {}, .column = word.column};
  const std::string prefix = std::string(kAttributes) + ".";
  const std::string_view name = word.text.starts_with(prefix) ? word.text.substr(prefix.size()) : std::string_view();
  if (!is_attribute_name(name))
    return fail_at(word.column, attributes_only ? "attributes.NAME belongs here" : "payload, key or attributes.NAME belongs here");
  return Field{.of = Field::Of::attribute, .name = std::string(name), .column = word.column};
}

class ChainParser {
 public:
  explicit ChainParser(std::string_view text) : words_(text) {}

  Result<std::vector<OperatorTerms>> whole() {
    std::vector<OperatorTerms> chain;
    if (words_.peek().ends()) return chain;
    do {
      if (chain.size() == kOperatorsMax)
        return fail_at(words_.peek().column, "more than " + std::to_string(kOperatorsMax) + " operators");
      auto one = one_operator();
      if (!one) return fail(std::move(one.error()));
      chain.push_back(std::move(*one));
    } while (words_.take_if("|"));
    if (!words_.peek().ends()) return fail_at(words_.peek().column, "\"|\", or the end, belongs here");
    return chain;
  }

 private:
  Result<OperatorTerms> one_operator() {
    const DeclaredWord name = words_.take();
    const auto* known = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const KindName& one) { return name.is(one.name); });
    if (known == std::end(kKinds))
      return fail_at(name.column, "an operator belongs here: project, sample, throttle, debounce, window, onchange");
    OperatorTerms terms{.kind = known->kind, .time = {}, .fields = {}, .aggregates = {}};
    Result<> read;
    switch (terms.kind) {
      case OperatorKind::project: case OperatorKind::on_change: read = fields(terms); break;
      case OperatorKind::sample: case OperatorKind::throttle:   read = amount(terms, true, false); break;
      case OperatorKind::debounce:                              read = amount(terms, false, true); break;
      case OperatorKind::window:                                read = window(terms); break;
    }
    if (!read) return fail(std::move(read.error()));
    if (terms.kind != OperatorKind::project) terms.all = words_.take_if("all");
    return terms;
  }

  Result<> amount(OperatorTerms& terms, bool counts, bool times) {
    const auto read = amount_of(words_.take(), counts, times);
    if (!read) return fail(read.error());
    terms.count = read->count;
    terms.time = read->time;
    return {};
  }

  Result<> fields(OperatorTerms& terms) {
    do {
      const DeclaredWord word = words_.take();
      auto field = field_of(word, false);
      if (!field) return fail(std::move(field.error()));
      if (terms.fields.size() == kFieldsMax) return fail_at(word.column, "more than " + std::to_string(kFieldsMax) + " fields");
      terms.fields.push_back(std::move(*field));
    } while (words_.take_if(","));
    return {};
  }

  Result<> window(OperatorTerms& terms) {
    do {
      const DeclaredWord name = words_.take();
      const auto* known = std::find_if(std::begin(kFunctions), std::end(kFunctions), [&](const auto& one) { return name.is(one.first); });
      if (known == std::end(kFunctions) || !words_.take_if("("))
        return fail_at(name.column, "avg(...), min(...) or max(...) belongs here");
      auto field = field_of(words_.take(), true);
      if (!field) return fail(std::move(field.error()));
      if (!words_.take_if(")")) return fail_at(words_.peek().column, "\")\" belongs here");
      if (terms.aggregates.size() == kFieldsMax)
        return fail_at(name.column, "more than " + std::to_string(kFieldsMax) + " of a window");
      std::string result = std::string(name.text) + "_" + field->name;
      if (!is_attribute_name(result)) return fail_at(field->column, "its name is too long for a result");
      const auto same = [&](const Aggregate& one) { return one.result == result; };
      if (std::any_of(terms.aggregates.begin(), terms.aggregates.end(), same)) return fail_at(name.column, "is there twice");
      terms.aggregates.push_back({known->second, std::move(*field), std::move(result)});
    } while (words_.take_if(","));
    if (!words_.take_if("over")) return fail_at(words_.peek().column, "\"over\" and how many, or how long, belong here");
    return amount(terms, true, true);
  }

  Words words_;
};

// Of an event on its way: its attributes, as far as they are known.
class Known {
 public:
  explicit Known(const EventSchema& source) : source_(&source) {}

  // nullopt: there is none.
  [[nodiscard]] std::optional<Type> type_of(const std::string& name) const {
    if (source_ != nullptr) return source_->type_of(name);
    const auto found = types_.find(name);
    return found == types_.end() ? std::nullopt : std::optional(found->second);
  }
  void become(std::map<std::string, Type> types) {
    types_ = std::move(types);
    source_ = nullptr;
  }

 private:
  const EventSchema* source_;  // nullptr: types_ are all
  std::map<std::string, Type> types_;
};

}  // namespace

Result<std::vector<OperatorTerms>> parse_chain(std::string_view text) {
  if (text.size() > kChainTextBytesMax)
    return fail_at(kChainTextBytesMax + 1, "longer than " + std::to_string(kChainTextBytesMax) + " bytes");
  return ChainParser(text).whole();
}

Result<> judge_chain(const std::vector<OperatorTerms>& chain, const EventSchema& source) {
  Known known(source);
  for (const OperatorTerms& one : chain) {
    std::map<std::string, Type> types;
    for (const Field& field : one.fields) {
      if (field.of != Field::Of::attribute) continue;
      const auto type = known.type_of(field.name);
      if (!type) return fail_at(field.column, "events have no attribute \"" + field.name + "\" here");
      types.emplace(field.name, *type);
    }
    if (one.kind == OperatorKind::project) known.become(std::move(types));
    if (one.kind != OperatorKind::window) continue;
    types.emplace(kWindowCount, Type::integer);
    for (const Aggregate& aggregate : one.aggregates) {
      const auto type = known.type_of(aggregate.of.name);
      if (!type) return fail_at(aggregate.of.column, "events have no attribute \"" + aggregate.of.name + "\" here");
      if (*type != Type::integer && *type != Type::real && *type != Type::dynamic)
        return fail_at(aggregate.of.column, "a window is over numbers, not " + std::string(name_of(*type)));
      types.emplace(aggregate.result, Type::real);
    }
    known.become(std::move(types));
  }
  return {};
}

}  // namespace vs::filter
