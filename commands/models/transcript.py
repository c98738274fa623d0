from django.db import models


class TranscriptChunk(models.Model):
    """What went in or out at one moment of an execution, as recorded: after redaction."""

    class Stream(models.TextChoices):
        INPUT = "i", "input"
        OUTPUT = "o", "output"
        ERROR = "e", "standard error"

    execution_id = models.UUIDField()
    sequence = models.PositiveIntegerField(help_text="Counts from 1 in each execution.")
    at = models.DateTimeField("time")
    offset = models.PositiveBigIntegerField(help_text="Microseconds since the execution was accepted.")
    stream = models.CharField(max_length=1, choices=Stream)
    size = models.PositiveIntegerField(help_text="Bytes that went by.")
    data = models.BinaryField(null=True, blank=True, help_text="Empty where only metadata is recorded.")

    class Meta:
        ordering = ["execution_id", "sequence"]
        indexes = [models.Index(fields=["execution_id", "sequence"], name="transcript_execution")]

    def __str__(self) -> str:
        return f"{self.execution_id} {self.sequence} {self.stream} ({self.size} bytes)"
