/* Private to base: what tests of cpu.c call. */
#ifndef LI_CPU_H
#define LI_CPU_H

/*
 * Processors the control groups of this process grant, rounded up; count when they set no lower quota. root: "" or a
 * folder that stands for /.
 */
int li_cpu_quota(const char *root, int count);

#endif
