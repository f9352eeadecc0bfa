// schemas/policy.schema.json and decode() must agree: what one takes the other takes, what one
// refuses the other refuses.
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "tests/vsmgrd/model/documents.h"
#include "tests/vsmgrd/model/random_resource.h"
#include "vsmgrd/model/codec.h"

namespace vs::test {
namespace {

using nlohmann::json;
using Adapter = valijson::adapters::NlohmannJsonAdapter;

class PolicySchema : public ::testing::Test {
 protected:
  PolicySchema() {
    std::ifstream file(VS_SOURCE_DIR "/schemas/policy.schema.json");
    schema_text_ = json::parse(file);
    valijson::SchemaParser parser;
    parser.populateSchema(Adapter(schema_text_), schema_);
  }

  // Empty when the schema takes the document, else the first reason.
  std::string refusal(const json& document) const {
    valijson::Validator validator;
    valijson::ValidationResults results;
    const Adapter target(document);
    if (validator.validate(schema_, target, &results)) return {};
    valijson::ValidationResults::Error error;
    return results.popError(error) ? error.description : "refused";
  }

 private:
  json schema_text_;
  valijson::Schema schema_;
};

TEST_F(PolicySchema, TakesWhatDecodeTakes) {
  for (const Valid& valid : kValid) {
    const json document = json::parse(valid.text);
    EXPECT_EQ(refusal(document), "") << valid.title;
    EXPECT_TRUE(decode(document)) << valid.title;
  }
}

TEST_F(PolicySchema, RefusesWhatDecodeRefuses) {
  for (const Invalid& invalid : kInvalid) {
    const json document = json::parse(invalid.text);
    EXPECT_NE(refusal(document), "") << invalid.title;
    EXPECT_FALSE(decode(document)) << invalid.title;
  }
}

TEST_F(PolicySchema, TakesWhatEncodeMakes) {
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    Chance chance(seed);
    const json document = encode(View{.resource = random_resource(chance)});
    ASSERT_EQ(refusal(document), "") << document.dump(2);
  }
}

}  // namespace
}  // namespace vs::test
