#include "vsmgrd/policy/yaml_reader.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <optional>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/json.h"
#include "vsmgrd/model/codec.h"
#include "vsmgrd/policy/plain_text.h"

namespace vs {
namespace {

using nlohmann::json;

// Ends the reading of a file; the reason has been noted. Thrown through yaml-cpp, caught in
// read_yaml().
struct Stop : std::exception {};

// Plain scalars as YAML 1.2's core schema has them, less what surprises: no octal, hexadecimal,
// floats, yes or no.
json plain_value(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  const std::size_t first = text.starts_with('-') ? 1 : 0;
  const bool decimal = text.size() > first &&
                       text.find_first_not_of("0123456789", first) == std::string::npos &&
                       (text[first] != '0' || text.size() == first + 1);
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  if (decimal && std::from_chars(text.data(), end, number).ec == std::errc()) return number;
  return text;
}

// Builds the documents of one file out of the parser's events. Nesting is kept on `frames_`, never
// on the call stack.
class Builder : public YAML::EventHandler {
 public:
  Builder(const PolicyFile& file, YamlFile& into) : file_(file), into_(into) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    document_ = {};
    frames_.clear();
    nodes_ = 0;
    const bool first = std::exchange(any_document_, true) == false;
    if (first || stands_at(mark, "---")) return;
    // yaml-cpp begins a new document where the last one cannot go on.
    note(at(mark), "this belongs to no document", "indent it, or write --- above it");
    throw Stop();
  }
  void OnDocumentEnd() override {
    if (!document_.value.is_null()) into_.documents.push_back(std::move(document_));
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    count(mark);
    Source place = at(mark);
    // The mark of a value that is not there is that of whatever comes next.
    if (const Key* key = pending_key(); key && key->place.line != place.line) place = key->place;
    if (expects_key()) {
      note(place, "a key must be text, is nothing");
      set_key({.place = place, .skip = true});
      return;
    }
    document_.values.emplace(pointer(), place);
    add(nullptr);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    count(mark);
    note(at(mark), "an alias is not allowed", "write the value out");
    if (expects_key()) return set_key({.place = at(mark), .skip = true});
    document_.noted.insert(pointer());
    document_.values.emplace(pointer(), at(mark));
    add(nullptr);
  }
  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    note(at(mark), "anchor " + in_quotes("&" + name) + " is not allowed", "leave it out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& text) override {
    count(mark);
    if (tag != "!") refuse_tag(mark, tag);  // "!" is yaml-cpp's word for quoted
    if (expects_key()) return take_key(mark, text);
    document_.values.emplace(pointer(), at(mark));
    add(tag == "!" ? json(text) : plain_value(text));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, json::object());
  }
  void OnMapEnd() override { close(); }

 private:
  struct Key {
    std::string text;
    Source place;
    bool skip = false;  // wrong, or the second of its name: its value is read and dropped
  };
  struct Frame {
    json value;  // a list or a map
    std::string pointer;
    Source place;
    Sources keys;  // of the map, by name
    std::optional<Key> key;
  };

  Source at(const YAML::Mark& mark) const { return {file_.name, mark.line + 1, mark.column + 1}; }

  // Marks come in the order of the text, so the line is looked for from where the last one was.
  bool stands_at(const YAML::Mark& mark, std::string_view words) {
    for (; line_ < mark.line; ++line_) line_begin_ = file_.text.find('\n', line_begin_) + 1;
    const std::string_view rest = std::string_view(file_.text).substr(line_begin_);
    return static_cast<std::size_t>(mark.column) < rest.size() &&
           rest.substr(mark.column).starts_with(words);
  }

  void note(Source place, std::string message, std::string hint = {}) {
    into_.problems.push_back({.pointer = pointer(),
                              .message = std::move(message),
                              .hint = std::move(hint),
                              .source = std::move(place)});
  }

  void count(const YAML::Mark& mark) {
    if (++nodes_ > kYamlNodesMax) {
      note(at(mark), fmt::format("more than {} keys and values in one document", kYamlNodesMax),
           "make several documents of it");
      throw Stop();
    }
    if (++nodes_in_file_ > kYamlNodesTotalMax) {
      note(at(mark), fmt::format("more than {} keys and values in one file", kYamlNodesTotalMax),
           "split the file");
      throw Stop();
    }
  }

  // yaml-cpp gives "?" or nothing to what has no tag.
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?") return;
    note(at(mark), "tag " + in_quotes(tag) + " is not allowed", "quote what is to be text");
    document_.noted.insert(pointer());
  }

  bool expects_key() const {
    return !frames_.empty() && frames_.back().value.is_object() && !frames_.back().key;
  }
  const Key* pending_key() const {
    return !frames_.empty() && frames_.back().key ? &*frames_.back().key : nullptr;
  }

  // Of the value that comes next.
  std::string pointer() const {
    if (frames_.empty()) return {};
    const Frame& frame = frames_.back();
    if (frame.value.is_array()) return fmt::format("{}/{}", frame.pointer, frame.value.size());
    return frame.key ? frame.pointer + '/' + pointer_token(frame.key->text) : frame.pointer;
  }

  void set_key(Key key) { frames_.back().key = std::move(key); }

  void take_key(const YAML::Mark& mark, const std::string& text) {
    if (text.size() > kYamlKeyBytesMax) {  // it would stand in the pointer of all that is below it
      note(at(mark), fmt::format("key {} has {} bytes, at most {} are allowed", in_quotes(text),
                                 text.size(), kYamlKeyBytesMax));
      throw Stop();
    }
    const auto [first, fresh] = frames_.back().keys.emplace(text, at(mark));
    set_key({.text = text, .place = at(mark), .skip = !fresh});
    if (fresh) {
      document_.keys.emplace(pointer(), at(mark));
    } else {
      note(at(mark), fmt::format("key {} stands twice in one map; first at {}", in_quotes(text),
                                 to_string(first->second)));
    }
  }

  void open(const YAML::Mark& mark, const std::string& tag, json empty) {
    count(mark);
    refuse_tag(mark, tag);
    if (frames_.size() == kYamlDepthMax) {
      note(at(mark), fmt::format("nested deeper than {} levels", kYamlDepthMax));
      throw Stop();
    }
    if (!expects_key()) document_.values.emplace(pointer(), at(mark));
    frames_.push_back({.value = std::move(empty), .pointer = pointer(), .place = at(mark)});
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    if (expects_key()) {
      note(frame.place,
           "a key must be text, is " + std::string(frame.value.is_array() ? "a list" : "a map"));
      return set_key({.place = frame.place, .skip = true});
    }
    add(std::move(frame.value));
  }

  void add(json value) {
    if (frames_.empty()) {
      document_.value = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.value.is_array()) {
      frame.value.push_back(std::move(value));
      return;
    }
    if (!frame.key->skip) frame.value[frame.key->text] = std::move(value);
    frame.key.reset();
  }

  const PolicyFile& file_;
  YamlFile& into_;
  bool any_document_ = false;
  int line_ = 0;  // of the last document's begin, from 0
  std::size_t line_begin_ = 0;
  YamlDocument document_;
  std::vector<Frame> frames_;
  std::size_t nodes_ = 0;  // of this document
  std::size_t nodes_in_file_ = 0;
};

struct TooMuch {
  int line = 0;
  std::string message;
};

// Before the parser sees them: the sizes of the documents. A line that begins with --- begins one,
// whatever stands around it.
std::optional<TooMuch> find_too_much(std::string_view text) {
  int line = 1;
  int begin_line = 1;
  std::size_t begin = 0;
  std::size_t documents = 0;
  for (std::size_t at = 0; at < text.size(); ++line) {
    if (text.substr(at).starts_with("---")) {
      begin = at;
      begin_line = line;
      if (++documents > kYamlDocumentsMax)
        return TooMuch{line, fmt::format("more than {} documents in one file", kYamlDocumentsMax)};
    }
    at = std::min(text.find('\n', at), text.size() - 1) + 1;
    if (at - begin > kYamlDocumentBytesMax)
      return TooMuch{begin_line,
                     fmt::format("a document of more than {} bytes", kYamlDocumentBytesMax)};
  }
  return std::nullopt;
}

}  // namespace

YamlFile read_yaml(const PolicyFile& file) {
  YamlFile read;
  const auto note = [&](int line, int column, std::string message) {
    read.problems.push_back(
        {.message = std::move(message), .source = Source{file.name, line, column}});
  };
  if (const auto bad = find_bad_byte(file.text)) {
    note(bad->line, bad->column, bad->message);
    return read;
  }
  if (const auto found = find_too_much(file.text)) {
    note(found->line, 1, found->message);
    return read;
  }
  try {
    std::istringstream text(file.text);
    YAML::Parser parser(text);
    Builder builder(file, read);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const Stop&) {  // noted where it was thrown
  } catch (const YAML::Exception& problem) {
    note(problem.mark.line + 1, problem.mark.column + 1, "not YAML: " + problem.msg);
  }
  return read;
}

}  // namespace vs
