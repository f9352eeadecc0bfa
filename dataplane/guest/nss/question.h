/* What a program wants to know: the addresses of a name, or the names of an address. A value; its
 * `name` is borrowed. */
#ifndef VSERVICES_GUEST_NSS_QUESTION_H
#define VSERVICES_GUEST_NSS_QUESTION_H

#include <stdint.h>

enum vs_nss_subject { VS_NSS_OF_NAME, VS_NSS_OF_ADDRESS };

struct vs_nss_question {
  enum vs_nss_subject subject;
  int family;          /* AF_INET or AF_INET6; of a name also AF_UNSPEC: both at once */
  const char* name;    /* of a name: as the program wrote it; else NULL */
  uint8_t address[16]; /* of an address: network order; AF_INET: the first 4 */
};

#endif
