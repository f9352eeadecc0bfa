#include "dataplane/guest/nss/name.h"

#include <string.h>

#include "dataplane/abi/dns.h"

size_t vs_nss_name_length(const char* name) {
  const size_t length = strlen(name);
  return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

bool vs_nss_name_askable(const char* name) {
  const size_t length = vs_nss_name_length(name);
  if (length == 0 || length > VS_DNS_NAME_BYTES_MAX) return false;
  size_t label = 0;
  for (size_t i = 0; i < length; ++i) {
    if (name[i] != '.') {
      if (++label > VS_DNS_LABEL_BYTES_MAX) return false;
    } else if (label == 0) {
      return false;
    } else {
      label = 0;
    }
  }
  return label > 0;
}

bool vs_nss_name_presentable(const char* name) {
  /* Spelt out, not isalnum(): the answer must not depend on the program's locale. */
  static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  return name[0] != '-' && name[strspn(name, allowed)] == '\0' && vs_nss_name_askable(name);
}

bool vs_nss_name_equal(const char* one, const char* other) {
  const size_t length = vs_nss_name_length(one);
  if (length != vs_nss_name_length(other)) return false;
  for (size_t i = 0; i < length; ++i) {
    const unsigned char a = (unsigned char)one[i], b = (unsigned char)other[i];
    const unsigned char lower_a = a >= 'A' && a <= 'Z' ? (unsigned char)(a | 0x20) : a;
    const unsigned char lower_b = b >= 'A' && b <= 'Z' ? (unsigned char)(b | 0x20) : b;
    if (lower_a != lower_b) return false;
  }
  return true;
}
