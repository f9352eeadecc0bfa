// Policy files: YAML text in, checked resources out, every problem with file, line and column.
//
// Multi-document YAML of every kind that is declared (model/resource.h), in UTF-8. Plain true and
// false are truth values and plain decimal integers numbers, as in YAML 1.2; every other scalar is
// text (yes, no, 017 and 1e3 too), and so is whatever is quoted. Lines and columns count from 1,
// columns in bytes. Pure; thread-safe. yaml-cpp stays in this folder.
// Errors: invalid, with one problem per fault; one problem in any file, and nothing is yielded.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "vsmgrd/model/resource.h"

namespace vs {

inline constexpr std::size_t kPolicyFilesMax = 1000;  // of one apply
inline constexpr std::size_t kFileNameBytesMax = 1024;
// A document is as small as what a person writes; a file may declare many thousand objects. yaml-cpp
// reads ahead to the end of a line or a list: what it costs is bounded by the document's bytes.
inline constexpr std::size_t kYamlBytesMax = 8 << 20;  // all files of one apply together
inline constexpr std::size_t kYamlDocumentBytesMax = 1 << 20;
inline constexpr std::size_t kYamlDocumentsMax = 100'000;  // of one file
inline constexpr std::size_t kYamlDepthMax = 32;
inline constexpr std::size_t kYamlNodesMax = 10'000;  // per document; keys count
inline constexpr std::size_t kYamlNodesTotalMax = 1'000'000;  // all documents of one file
inline constexpr std::size_t kYamlKeyBytesMax = 128;

struct PolicyFile {
  std::string name;  // as the operator called it, for messages
  std::string text;
};

// Loads all files together; an object declared twice is a problem that names both places. Anchors,
// aliases, tags, duplicate and unknown keys are problems. Empty documents are ignored, but there
// must be one that is not. Problems come sorted by file, line and column, at most kProblemsMax.
// Metadata::sources tells where each part of a spec was written.
Checked<std::vector<Resource>> load_policies(const std::vector<PolicyFile>& files);

}  // namespace vs
