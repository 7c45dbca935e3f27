"""A machine that executes the PTX of kernels on the host, for tests: no GPU, and neither fast nor complete."""

from ptx_machine.machine import Machine as Machine
from ptx_machine.machine import Unknown as Unknown
from ptx_machine.memory import Fault as Fault
from ptx_machine.memory import Memory as Memory
from ptx_machine.parse import parse as parse
