// Operations and restarts by chance against a model of a few lines; and dry runs against the real
// thing.
#include <map>
#include <optional>

#include <gtest/gtest.h>

#include "tests/vsmgrd/model/random_resource.h"
#include "tests/vsmgrd/store/objects.h"
#include "tests/vsmgrd/store/temp_directory.h"

namespace vs::test {
namespace {

using Expect = Precondition::Expect;
using Key = std::pair<Kind, std::string>;

// What should be there: labels are all that changes.
struct Model {
  std::map<Key, std::string> objects;  // -> the label "n"
  std::int64_t version = 0;

  [[nodiscard]] bool has(Kind kind, const std::string& name) const {
    return objects.contains({kind, name});
  }
  [[nodiscard]] bool in_use(const Key& key) const {
    for (const auto& [other, label] : objects)
      if (other.first == Kind::binding &&
          (key == Key(Kind::domain, "d" + other.second.substr(1, 1)) || key == Key(Kind::service, "s")))
        return true;
    return false;
  }
};

// Binding bXY is of domain dX with device Y, to service s.
Resource random_object(Chance& chance) {
  const std::string digit = std::to_string(chance.below(4));
  Resource resource;
  switch (chance.below(4)) {
    case 0: resource = service("s"); break;
    case 1: resource = domain("d" + digit); break;
    default: {
      const std::string device = std::to_string(chance.below(3));
      resource = binding("b" + digit + device, "d" + digit, "s", "v" + device);
    }
  }
  resource.metadata.labels["n"] = std::to_string(chance.below(3));
  return resource;
}

// Whether the model takes all of them; then it has.
bool apply_to(Model& model, const std::vector<Resource>& given) {
  Model next = model;
  bool changed = false;
  for (const Resource& resource : given) {
    std::string& label = next.objects[{resource.kind(), resource.metadata.name}];
    changed = changed || label != resource.metadata.labels.at("n");
    label = resource.metadata.labels.at("n");
  }
  for (const Resource& resource : given)
    if (const auto* spec = std::get_if<BindingSpec>(&resource.spec))
      if (!next.has(Kind::domain, spec->domain) || !next.has(Kind::service, "s")) return false;
  next.version += changed;
  model = next;
  return true;
}

void expect_same(const Store& store, const Model& model) {
  const Desired desired = *store.desired();
  std::map<Key, std::string> objects;
  for (const Kind kind : kKinds)
    for (const auto& [name, resource] : desired.of(kind))
      objects[{kind, name}] = resource.metadata.labels.at("n");
  ASSERT_EQ(objects, model.objects);
  ASSERT_EQ(desired.resource_version, model.version);
  ASSERT_EQ(desired.decisions.size(), desired.bindings.size());
  ASSERT_EQ(desired.devices.size(), desired.bindings.size());
}

TEST(StoreRandom, OperationsAndRestartsAgreeWithTheModel) {
  for (std::uint32_t seed = 0; seed < 12; ++seed) {
    Chance chance(seed);
    const TempDirectory directory("/dev/shm");
    const ManualClock clock;
    auto store = open_store(directory.database(), clock);
    Model model;
    for (int step = 0; step < 120; ++step) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " step " << step);
      if (chance.one_in(15)) {
        store.reset();
        store = open_store(directory.database(), clock);
      } else if (chance.one_in(4)) {
        const Resource victim = random_object(chance);
        const Key key(victim.kind(), victim.metadata.name);
        const bool should = model.objects.contains(key) && !(key.first != Kind::binding && model.in_use(key));
        ASSERT_EQ(store->remove(key.first, key.second, {}, {}).has_value(), should);
        if (should) {
          model.objects.erase(key);
          model.version += 1;
        }
      } else {
        std::map<Key, Resource> given;
        for (std::size_t i = 1 + chance.below(4); i > 0; --i) {
          Resource resource = random_object(chance);
          Key key(resource.kind(), resource.metadata.name);
          given.emplace(std::move(key), std::move(resource));
        }
        std::vector<Resource> list;
        for (auto& [key, resource] : given) list.push_back(resource);
        const Model before = model;
        const bool should = apply_to(model, list);
        if (chance.one_in(3)) {
          ASSERT_EQ(store->apply(list, {.dry_run = true}).has_value(), should);
          model = before;
        } else {
          ASSERT_EQ(store->apply(list, {}).has_value(), should);
        }
      }
      expect_same(*store, model);
    }
    EXPECT_TRUE(store->audit().verify()->sound);
    const auto findings = store->doctor();
    for (const Finding& finding : *findings) EXPECT_TRUE(finding.sound) << finding.check << ": " << finding.message;
  }
}

// All of an outcome that both must agree in.
nlohmann::json all_of(const Checked<ApplyOutcome>& outcome) {
  nlohmann::json all;
  if (!outcome) {
    all["error"] = outcome.error().error.message;
    all["code"] = outcome.error().code;
    for (const std::string& line : lines_of(outcome.error())) all["problems"].push_back(line);
    return all;
  }
  all["version"] = outcome->resource_version;
  for (const Change& change : outcome->changes) {
    nlohmann::json one{{"name", change.name}, {"action", name_of(change.action)}};
    for (const auto& side : {change.before, change.after})
      if (side) {
        nlohmann::json document = encode(View{.resource = *side});
        if (side == change.after && !change.before) document["metadata"].erase("uid");  // by chance
        one["sides"].push_back(std::move(document));
      }
    all["changes"].push_back(std::move(one));
  }
  for (const auto& [name, decision] : outcome->decisions_changed) {
    all["decisions"][name] = encode(decision);
    all["decisions"][name].erase("id");
  }
  return all;
}

TEST(StoreRandom, ADryRunOfAnythingSaysWhatTheApplySays) {
  int applied = 0;
  int refused = 0;
  for (std::uint32_t seed = 0; seed < 150; ++seed) {
    Chance chance(1000 + seed);
    const TempDirectory directory("/dev/shm");
    const ManualClock clock;
    const auto store = open_store(directory.database(), clock);
    for (int step = 0; step < 4; ++step) {
      std::vector<Resource> given;
      for (std::size_t i = 1 + chance.below(5); i > 0; --i)
        given.push_back(chance.one_in(2) ? random_resource(chance) : random_object(chance));
      const auto bytes = [&] {
        return bytes_of(directory.database()) + bytes_of(directory.database().string() + "-wal");
      };
      const std::string before = bytes();
      const auto dry = store->apply(given, {.dry_run = true});
      ASSERT_TRUE(bytes() == before) << "seed " << seed;
      const auto real = store->apply(given, {});
      ASSERT_EQ(all_of(dry), all_of(real)) << "seed " << seed;
      (real ? applied : refused) += 1;
    }
  }
  EXPECT_GT(applied, 50);
  EXPECT_GT(refused, 50);
}

}  // namespace
}  // namespace vs::test
