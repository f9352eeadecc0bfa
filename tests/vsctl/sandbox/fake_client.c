/* Stands where libvservice does; nothing in these tests calls it. */
const char vs_test_client[] = "libvservice of a test";
